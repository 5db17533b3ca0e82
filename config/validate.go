package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"
)

// Regions are where stacks may live. Others need prices and endpoint names first.
var Regions = []string{"eu-central-1", "eu-west-1", "us-east-1"}

// Endpoints are the AWS services that can be reached by an interface endpoint in every one of Regions.
// https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
var Endpoints = []string{
	"ec2", "ecr.api", "ecr.dkr", "ecs", "kms", "logs", "monitoring", "rds", "secretsmanager", "sns", "ssm", "ssmmessages", "sts", "xray",
}

// LogRetentionDays are the values that CloudWatch Logs takes.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
var LogRetentionDays = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// rule is one tag of ours in a validate struct tag, with the words for what it allows.
type rule struct {
	allowed string
	holds   func(validator.FieldLevel) bool
}

var rules = map[string]rule{
	"account":      {"an AWS account id of 12 digits", matches(`^[0-9]{12}$`)},
	"region":       {strings.Join(Regions, ", "), oneOf(Regions)},
	"endpoint":     {strings.Join(Endpoints, ", "), oneOf(Endpoints)},
	"repository":   {"owner/name of a GitHub repository", matches(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}$`)},
	"tfcname":      {"3 to 40 letters, digits, hyphens and underscores", matches(`^[A-Za-z0-9][A-Za-z0-9_-]{2,39}$`)},
	"bucket":       {"a bucket name of 3 to 63 lower-case letters, digits, dots and hyphens", matches(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)},
	"tagvalue":     {"1 to 256 letters, digits, spaces and _.:/=+-@", matches(`^[\p{L}\p{N} _.:/=+\-@]{1,256}$`)},
	"servicename":  {"lower-case letters, digits and single hyphens, beginning with a letter", matches(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)},
	"logretention": {list(LogRetentionDays) + " days", func(f validator.FieldLevel) bool { return slices.Contains(LogRetentionDays, int(f.Field().Int())) }},
}

func matches(pattern string) func(validator.FieldLevel) bool {
	expression := regexp.MustCompile(pattern)
	return func(f validator.FieldLevel) bool { return expression.MatchString(f.Field().String()) }
}

func oneOf(words []string) func(validator.FieldLevel) bool {
	return func(f validator.FieldLevel) bool { return slices.Contains(words, f.Field().String()) }
}

func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	for tag, rule := range rules {
		// fails only for an empty tag or function
		_ = v.RegisterValidation(tag, rule.holds)
	}
	v.RegisterTagNameFunc(func(field reflect.StructField) string {
		return cmp.Or(field.Tag.Get("env"), field.Name)
	})
	return v
}

// validate checks each part by its tags, then what tags cannot say, then the parts against each other.
func (p Project) validate() Faults {
	var faults Faults
	v := newValidator()
	structFaults(v, "", p.Settings, "correct the variable, or unset it for its default", &faults)
	accountFaults(p.Settings, &faults)
	structFaults(v, "base", p.Base, "change it in config/base.go", &faults)
	for _, environment := range p.Environments {
		at := path(environment.Name)
		structFaults(v, at, environment, fmt.Sprintf("change it in config/%s.go", environment.Name), &faults)
		environment.check(at, &faults)
	}
	networksApart(p.Environments, &faults)
	return withoutEchoes(faults)
}

// structFaults turns what the validation library found into faults.
func structFaults(v *validator.Validate, at path, value any, remedy string, report *Faults) {
	var found validator.ValidationErrors
	if err := v.Struct(value); !errors.As(err, &found) {
		return
	}
	for _, fault := range found {
		// the namespace begins with the struct's own name: "Environment.Network.Zones[0]"
		_, field, _ := strings.Cut(fault.Namespace(), ".")
		if at != "" {
			field = string(at.field(field))
		}
		report.add(path(field), fault.Value(), allowedBy(fault), remedy)
	}
}

// allowedBy says in words what a validate tag allows.
func allowedBy(fault validator.FieldError) string {
	if rule, ours := rules[fault.Tag()]; ours {
		return rule.allowed
	}
	number := fault.Kind() == reflect.Int
	switch tag, parameter := fault.Tag(), fault.Param(); tag {
	case "required":
		return "a value: it is required"
	case "required_if":
		return "a value: it is required with " + strings.Replace(parameter, " ", " = ", 1)
	case "oneof":
		return strings.ReplaceAll(parameter, " ", ", ")
	case "min":
		if number {
			return parameter + " or more"
		}
		return parameter + " entries or more"
	case "max":
		if number {
			return parameter + " or less"
		}
		return parameter + " characters or fewer"
	case "gtfield":
		return "more than " + parameter
	case "nefield":
		return "another value than " + parameter
	case "startswith":
		return fmt.Sprintf("a text that begins with %q", parameter)
	case "unique":
		if parameter != "" {
			return "no " + strings.ToLower(parameter) + " twice"
		}
		return "no entry twice"
	case "email":
		return "an e-mail address"
	case "fqdn":
		return `a domain name such as "batbern.ch"`
	case "http_url":
		return "a URL that begins with http:// or https://"
	default:
		return strings.TrimSpace(tag + " " + parameter)
	}
}

// accountFaults reports wrong and shared account ids under the variables that set them.
func accountFaults(settings Settings, report *Faults) {
	owners := map[string]string{}
	valid := regexp.MustCompile(`^[0-9]{12}$`)
	for _, account := range []struct{ variable, id string }{
		{"BATBERN_ACCOUNT_BASE", settings.AccountBase},
		{"BATBERN_ACCOUNT_DEV", settings.AccountDev},
		{"BATBERN_ACCOUNT_STAGING", settings.AccountStaging},
		{"BATBERN_ACCOUNT_PROD", settings.AccountProd},
	} {
		if !valid.MatchString(account.id) {
			report.add(path(account.variable), account.id, rules["account"].allowed, "set the variable to the account's id")
		} else if other, taken := owners[account.id]; taken {
			report.add(path(account.variable), account.id, "an account of its own, not "+other+"'s",
				"give each stack its account: it is the boundary that keeps environments apart")
		}
		owners[account.id] = account.variable
	}
}

// check is what tags cannot say about one environment.
func (e Environment) check(at path, report *Faults) {
	e.Network.check(at.field("Network"), report)
	e.Database.check(at.field("Database"), report)
	e.Cache.check(at.field("Cache"), report)
	for _, service := range e.Services {
		service.check(at.field("Services").key(service.Name), report)
	}
	if e.Domains.Root != e.Domains.Zone && !strings.HasSuffix(e.Domains.Root, "."+e.Domains.Zone) {
		report.add(at.field("Domains.Root"), e.Domains.Root, "the zone "+e.Domains.Zone+" or a name below it", "change one of the two")
	}
	if e.Production {
		e.productionFloor(at, report)
	}
}

// productionFloor is what production may not go below, whatever it saves.
func (e Environment) productionFloor(at path, report *Faults) {
	floor := func(holds bool, field string, value any, allowed string) {
		if !holds {
			report.add(at.field(field), value, allowed+" in production", "raise it in config/prod.go: production has to survive the loss of a zone and of a mistake")
		}
	}
	floor(e.Protection == Locked, "Protection", e.Protection, string(Locked))
	floor(e.Network.NatGateways == len(e.Network.Zones), "Network.NatGateways", e.Network.NatGateways, fmt.Sprintf("%d, one a zone", len(e.Network.Zones)))
	floor(e.Database.MultiAz, "Database.MultiAz", e.Database.MultiAz, "true")
	floor(e.Database.BackupRetentionDays >= productionRetentionDays, "Database.BackupRetentionDays", e.Database.BackupRetentionDays,
		fmt.Sprintf("%d to 35", productionRetentionDays))
	floor(e.Network.FlowLogs.RetentionDays >= 365, "Network.FlowLogs.RetentionDays", e.Network.FlowLogs.RetentionDays, "365 or more (CloudWatch.16)")
	floor(!e.Cache.Enabled || e.Cache.ReplicasPerShard > 0, "Cache.ReplicasPerShard", e.Cache.ReplicasPerShard, "1 or more (ElastiCache.3)")
	for _, service := range e.Services {
		field := string(path("Services").key(service.Name).field("Scaling.MinTasks"))
		floor(service.Scaling.MinTasks >= 2, field, service.Scaling.MinTasks, "2 or more")
	}
}

// productionRetentionDays is how far back production can be restored at least.
const productionRetentionDays = 14

// networksApart refuses ranges that meet: such networks can never be connected.
func networksApart(environments []Environment, report *Faults) {
	for i, one := range environments {
		for _, other := range environments[i+1:] {
			if one.Network.Cidr.IsValid() && other.Network.Cidr.IsValid() && one.Network.Cidr.Overlaps(other.Network.Cidr) {
				report.add(path(other.Name).field("Network.Cidr"), other.Network.Cidr,
					fmt.Sprintf("a range apart from %s's %s", one.Name, one.Network.Cidr), "choose another: overlapping networks can never be connected")
			}
		}
	}
}

// withoutEchoes drops faults of fields that only repeat a fault of the variable that filled them.
func withoutEchoes(faults Faults) Faults {
	bySetting := map[string]bool{}
	for _, fault := range faults {
		if strings.HasPrefix(fault.Path, prefix) {
			bySetting[fault.Value] = true
		}
	}
	return slices.DeleteFunc(faults, func(fault Fault) bool {
		return !strings.HasPrefix(fault.Path, prefix) && bySetting[fault.Value]
	})
}
