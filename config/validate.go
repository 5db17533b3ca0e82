package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

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
	"account":       {"an AWS account id of 12 digits", matches(`^[0-9]{12}$`)},
	"region":        {strings.Join(Regions, ", "), oneOf(Regions)},
	"endpoint":      {strings.Join(Endpoints, ", "), oneOf(Endpoints)},
	"digest":        {"sha256: and 64 hexadecimal digits", matches(`^sha256:[0-9a-f]{64}$`)},
	"repository":    {"owner/name of a GitHub repository", matches(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}$`)},
	"githubsubject": {`owner/name=prefix, the prefix of a repository's subjects as GitHub shows it: "BATbern/infrastructure=repo:BATbern@123456/infrastructure@456789", without wildcards`, isGithubSubject},
	"administrator": {`the name of a role, such as "OrganizationAccountAccessRole" or "AWSReservedSSO_AdministratorAccess", or a role's ARN, without wildcards`,
		matches(`^(arn:aws:iam::[0-9]{12}:role/)?([\w+=.@-]+/)*[\w+=.@-]{1,64}$`)},
	"githubname":    {"the name of a repository without its owner: letters, digits, hyphens, dots and underscores", matches(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$`)},
	"tfcname":       {"3 to 40 letters, digits, hyphens and underscores", matches(`^[A-Za-z0-9][A-Za-z0-9_-]{2,39}$`)},
	"tfcproject":    {"3 to 40 letters, digits, spaces, hyphens and underscores", matches(`^[A-Za-z0-9][A-Za-z0-9 _-]{1,38}[A-Za-z0-9_-]$`)},
	"bucket":        {"a bucket name of 3 to 63 lower-case letters, digits, single dots and hyphens, not an IP address", isBucket},
	"domain":        {`a domain name in lower-case letters without a dot at its end, such as "batbern.ch"`, matches(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)},
	"emulatorurl":   {"a URL that begins with http:// or https://, of a host and maybe a port, without a user, path or query", isEmulatorURL},
	"tagvalue":      {"1 to 256 letters, digits, spaces and _.:/=+-@, not beginning with aws:", isTagValue},
	"servicename":   {"lower-case letters, digits and single hyphens, beginning with a letter", matches(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)},
	"trafficshift":  {strings.Join(TrafficShifts, ", "), oneOf(TrafficShifts)},
	"healthpath":    {"a path such as /actuator/health, of letters, digits and _.-, without a slash at its end", matches(`^(/[A-Za-z0-9_.-]+)+$`)},
	"pathpattern":   {"a path that begins with /, of letters, digits, _-.$/~\"'@:+&()!,;= and the wildcards * and ?", matches(`^/[A-Za-z0-9_.$/~"'@:+&()!,;=*?-]*$`)},
	"variable":      {"capital letters, digits and underscores, beginning with a letter", matches(variableName.String())},
	"secretkey":     {"a field of the secret's JSON: letters, digits, _ and -", matches(`^[A-Za-z0-9_-]+$`)},
	"postgresname":  {"lower-case letters, digits and underscores, beginning with a letter, not pg_", matches(`^(?:[a-oq-z]|p(?:$|[a-fh-z0-9_]|g(?:$|[a-z0-9])))[a-z0-9_]*$`)},
	"servicebucket": {strings.Join(ServiceBuckets, ", "), oneOf(ServiceBuckets)},
	"iamaction":     {`a service and one of its actions, "events:PutEvents", without wildcards and not of iam, sts or kms`, isGrantable},
	"arnpattern":    {`an ARN, "arn:aws:events:{region}:{account}:event-bus/{name}", with no wildcard before its resource`, matches(`^arn:aws:[a-z0-9-]+:(?:[a-z0-9-]+|\{region\})?:(?:[0-9]{12}|\{account\})?:(?:[A-Za-z0-9._/:{}-]{3})[A-Za-z0-9._/:{}*-]*$`)},
	"routekey":      {`a method and a path, "GET /api/v1/events"`, matches(`^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|ANY) /[A-Za-z0-9_./{}+-]*$`)},
	"instanceclass": {`a class of RDS for PostgreSQL such as "db.t4g.micro", of the families t3, t4g, m5 to m8g, r5 to r8g and c6gd`, matches(`^db\.(t3|t4g)\.(micro|small|medium|large|xlarge|2xlarge)$|^db\.(m5d?|m6gd?|m6id?|m7g|m7i|m8gd?|r5[bd]?|r6gd?|r6id?|r7g|r7i|r8gd?|c6gd)\.(large|xlarge|2xlarge|4xlarge|8xlarge|12xlarge|16xlarge|24xlarge)$`)},
	"nodetype":      {`a node type such as "cache.t4g.micro", of the families t3, t4g, m5, m6g, m7g, r5, r6g, r7g and c7gn`, matches(`^cache\.(t3|t4g)\.(micro|small|medium)$|^cache\.(m5|m6g|m7g|r5|r6g|r7g|c7gn)\.(large|xlarge|2xlarge|4xlarge|8xlarge|12xlarge|16xlarge|24xlarge)$`)},
	"snapshotid":    {"the name or ARN of a snapshot of RDS", matches(`^(arn:aws:rds:[a-z0-9-]+:[0-9]{12}:snapshot:)?(rds:|awsbackup:)?[A-Za-z][A-Za-z0-9-]*$`)},
	"subjectprefix": {`the beginning of a repository's subjects, "repo:owner/name"`, matches(`^repo:[A-Za-z0-9@._-]{1,80}/[A-Za-z0-9@._-]{1,140}$`)},
	"spfmechanism":  {`a mechanism of SPF, "include:amazonses.com" or "ip4:192.0.2.1"`, matches(`^[+~?-]?(a|mx|ip4|ip6|include|exists)([:/][A-Za-z0-9._:/-]{1,200})?$`)},
	"dnslabel":      {"a selector of letters, digits, hyphens and underscores", matches(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)},
	"hostname":      {`a host name, "s1.dkim.amazonses.com"`, matches(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?$`)},
	"logretention":  {list(LogRetentionDays) + " days", func(f validator.FieldLevel) bool { return slices.Contains(LogRetentionDays, int(f.Field().Int())) }},
	"origin":        {`an origin such as "https://www.example.ch", without a path, never "*"`, matches(`^https?://[a-z0-9.-]+(:[0-9]{1,5})?$`)},
	"storageclass":  {strings.Join(storageClassNames(), ", "), oneOf(storageClassNames())},
}

func matches(pattern string) func(validator.FieldLevel) bool {
	expression := regexp.MustCompile(pattern)
	return func(f validator.FieldLevel) bool { return expression.MatchString(f.Field().String()) }
}

func oneOf(words []string) func(validator.FieldLevel) bool {
	return func(f validator.FieldLevel) bool { return slices.Contains(words, f.Field().String()) }
}

// isGrantable refuses wildcards, and actions with which a service could widen its own rights.
func isGrantable(f validator.FieldLevel) bool {
	service, action, _ := strings.Cut(f.Field().String(), ":")
	return regexp.MustCompile(`^[A-Z][A-Za-z0-9]+$`).MatchString(action) && regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(service) &&
		!slices.Contains([]string{"iam", "sts", "kms"}, service)
}

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	tagValue   = regexp.MustCompile(`^[\p{L}\p{N} _.:/=+\-@]{1,256}$`)
)

// isBucket follows https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
func isBucket(f validator.FieldLevel) bool {
	name := f.Field().String()
	_, err := netip.ParseAddr(name)
	return bucketName.MatchString(name) && err != nil && !strings.Contains(name, "..")
}

// isTagValue refuses AWS's own prefix, which no tag may bear.
func isTagValue(f validator.FieldLevel) bool {
	value := f.Field().String()
	return tagValue.MatchString(value) && !strings.HasPrefix(strings.ToLower(value), "aws:")
}

// isEmulatorURL refuses a user above all: a password would be configuration.
func isEmulatorURL(f validator.FieldLevel) bool {
	found, err := url.Parse(f.Field().String())
	return err == nil && (found.Scheme == "http" || found.Scheme == "https") && found.Hostname() != "" && found.User == nil &&
		strings.Trim(found.Path, "/") == "" && found.RawQuery == "" && found.Fragment == ""
}

// newValidator is made once: it remembers the tags of every type.
var newValidator = sync.OnceValue(func() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	for tag, rule := range rules {
		// fails only for an empty tag or function
		_ = v.RegisterValidation(tag, rule.holds)
	}
	v.RegisterTagNameFunc(func(field reflect.StructField) string {
		return cmp.Or(field.Tag.Get("env"), field.Name)
	})
	return v
})

// Validate reports what is wrong with a project that was changed after it was loaded. The error is [Faults].
func (p Project) Validate() error { return p.validate().err() }

// validate checks each part by its tags, then what tags cannot say, then the parts against each other.
func (p Project) validate() Faults {
	var faults Faults
	v := newValidator()
	const change = "change it"
	structFaults(v, "base", p.Base, change, &faults)
	checkTexts("base", reflect.ValueOf(p.Base), change, &faults)
	p.Base.Mail.check("base.Mail", &faults)
	p.Base.checkMail(&faults)
	p.Base.checkDeployments(&faults)
	for _, environment := range p.Environments {
		at := path(environment.Name)
		structFaults(v, at, environment, change, &faults)
		environment.check(at, &faults)
		environment.checkNames(at, &faults)
		environment.routesReached(at, &faults)
		environment.checkIgnored(at, &faults)
		checkTexts(at, reflect.ValueOf(environment), change, &faults)
	}
	networksApart(p.Environments, &faults)
	environmentsApart(p.Base, p.Environments, &faults)
	return settle(faults, p.Environments)
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
		field = named(value, field)
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
		return "a value: it is required with " + condition(parameter)
	case "required_unless":
		return "a value: it is required unless " + strings.Replace(parameter, " ", " is ", 1)
	case "oneof":
		return strings.ReplaceAll(parameter, " ", ", ")
	case "min":
		if number {
			return parameter + " or more"
		}
		if parameter == "1" {
			return "one entry or more"
		}
		return parameter + " entries or more"
	case "max":
		if number {
			return parameter + " or less"
		}
		if fault.Kind() == reflect.Slice {
			return parameter + " entries or fewer"
		}
		return parameter + " characters or fewer"
	case "lt":
		return "less than " + parameter
	case "gtefield":
		return parameter + " or more"
	case "gtfield":
		return "more than " + parameter
	case "nefield", "ne":
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
	default:
		return strings.TrimSpace(tag + " " + parameter)
	}
}

// condition is the parameter of a required_if, "Backend s3", in the words of who set it: "BATBERN_BACKEND=s3".
func condition(parameter string) string {
	name, value, _ := strings.Cut(parameter, " ")
	if field, ours := reflect.TypeFor[Settings]().FieldByName(name); ours {
		return field.Tag.Get("env") + "=" + value
	}
	return name + " = " + value
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
	payerFaults(settings, owners, report)
}

// payerFaults reports payers that are none of the accounts, and what only a payer may ask for.
func payerFaults(settings Settings, owners map[string]string, report *Faults) {
	for i, id := range settings.PayerAccounts {
		if _, ours := owners[id]; !ours {
			report.add(path(fmt.Sprintf("BATBERN_PAYER_ACCOUNTS[%d]", i)), id, "the accounts of BATBERN_ACCOUNT_BASE, _DEV, _STAGING and _PROD",
				"name only these; an organization's management account that holds no stack needs no mention")
		}
	}
	if settings.CostTags == "true" && kindOf(settings.AccountBase, settings) != Payer {
		report.add("BATBERN_COST_TAGS", settings.CostTags, "false: the base's account is no payer, and only a payer may activate tags",
			"have the tags activated in the account that pays, or add the base's account to BATBERN_PAYER_ACCOUNTS if it pays")
	}
}

// check is what tags cannot say about one environment.
func (e Environment) check(at path, report *Faults) {
	e.Network.check(at.field("Network"), report)
	e.Database.check(at.field("Database"), report)
	e.Backup.check(at.field("Backup"), report)
	e.Backup.besideRDS(e.Database, at, report)
	e.Cache.check(at.field("Cache"), report)
	e.Compute.check(at.field("Compute"), report)
	e.Api.check(at.field("Api"), report)
	e.Storage.check(at.field("Storage"), report)
	e.Edge.check(at.field("Edge"), report)
	e.checkObservability(at, report)
	e.checkConnections(at, report)
	for _, service := range e.Services {
		service.check(at.field("Services").key(service.Name), e, report)
	}
	for _, secret := range e.ExternalSecrets {
		secret.check(at.field("ExternalSecrets").key(secret.Name), report)
	}
	e.servicesFit(at, report)
	e.checkQuotas(at, report)
	if e.Domains.Root != e.Domains.Zone && !strings.HasSuffix(e.Domains.Root, "."+e.Domains.Zone) {
		report.add(at.field("Domains.Root"), e.Domains.Root, "the zone "+e.Domains.Zone+" or a name below it", "change one of the two")
	}
	if len(e.Domains.Root) > longestCertificateName {
		report.add(at.field("Domains.Root"), e.Domains.Root, fmt.Sprintf("%d characters or fewer", longestCertificateName),
			"choose a shorter name: ACM issues no certificate whose first name is longer")
	}
	if e.Production {
		e.productionFloor(at, report)
	}
}

// longestCertificateName is ACM's limit of a certificate's first name. AWS, "RequestCertificate" in the API reference.
const longestCertificateName = 64

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
	floor(e.Backup.DailyDays > 0 && e.Backup.Lock && e.Backup.CopyToRecovery, "Backup", fmt.Sprintf("DailyDays %d, Lock %v, CopyToRecovery %v", e.Backup.DailyDays, e.Backup.Lock, e.Backup.CopyToRecovery), "daily backups, locked and copied to the recovery region (RDS.26)")
	floor(e.Database.LogRetentionDays >= 365, "Database.LogRetentionDays", e.Database.LogRetentionDays, "365 or more (CloudWatch.16)")
	floor(e.Network.FlowLogs.RetentionDays >= 365, "Network.FlowLogs.RetentionDays", e.Network.FlowLogs.RetentionDays, "365 or more (CloudWatch.16)")
	floor(!e.Compute.Exec, "Compute.Exec", e.Compute.Exec, "false")
	floor(e.Compute.ContainerInsights == "enhanced", "Compute.ContainerInsights", e.Compute.ContainerInsights, "enhanced")
	floor(e.Compute.Rollout.BlueGreen(), "Compute.Rollout.Strategy", e.Compute.Rollout.Strategy, string(BlueGreen))
	floor(e.Compute.Capacity.SpotWeight == 0 && e.Compute.Capacity.OnDemandBase >= 2, "Compute.Capacity",
		fmt.Sprintf("base %d, Spot weight %d", e.Compute.Capacity.OnDemandBase, e.Compute.Capacity.SpotWeight), "a base of 2 or more, and no Spot")
	floor(e.Compute.LogRetentionDays >= 365, "Compute.LogRetentionDays", e.Compute.LogRetentionDays, "365 or more (CloudWatch.16)")
	floor(e.Api.LogRetentionDays >= 365, "Api.LogRetentionDays", e.Api.LogRetentionDays, "365 or more (CloudWatch.16)")
	floor(!slices.Contains(e.Api.CorsOrigins, anyOrigin), "Api.CorsOrigins", strings.Join(e.Api.CorsOrigins, ", "), "origins, not *,")
	if e.Cache.Enabled() {
		floor(e.Cache.Shape.Replicas() > 0, "Cache.Shape.StandBy", e.Cache.Shape.Replicas(), "1 or more (ElastiCache.3)")
		floor(e.Cache.LogRetentionDays >= 365, "Cache.LogRetentionDays", e.Cache.LogRetentionDays, "365 or more (CloudWatch.16)")
		floor(e.Cache.SnapshotRetentionDays > 0, "Cache.SnapshotRetentionDays", e.Cache.SnapshotRetentionDays, "1 or more (ElastiCache.1)")
	}
	floor(e.Storage.Replicated, "Storage.Replicated", e.Storage.Replicated, "true (S3.7, CloudFront.4)")
	floor(e.Edge.Firewall.Mode != FirewallOff, "Edge.Firewall.Mode", string(e.Edge.Firewall.Mode), "count, block (CloudFront.6)")
	floor(e.Edge.Firewall.LogRetentionDays >= 365, "Edge.Firewall.LogRetentionDays", e.Edge.Firewall.LogRetentionDays, "365 or more (CloudWatch.16)")
	floor(e.Api.Firewall.Mode != FirewallOff, "Api.Firewall.Mode", string(e.Api.Firewall.Mode), "count, block (ELB.16)")
	floor(e.Api.Firewall.LogRetentionDays >= 365, "Api.Firewall.LogRetentionDays", e.Api.Firewall.LogRetentionDays, "365 or more (CloudWatch.16)")
	floor(e.Edge.EnforcePolicy, "Edge.EnforcePolicy", e.Edge.EnforcePolicy, "true")
	for i, origin := range e.Storage.UploadOrigins {
		floor(strings.HasPrefix(origin, "https://"), fmt.Sprintf("Storage.UploadOrigins[%d]", i), origin, "origins with https://")
	}
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
