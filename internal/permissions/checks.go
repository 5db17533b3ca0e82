package permissions

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
)

// check is one question that IAM answers for a call.
type check struct {
	Action string `json:"action"`
	// Resource is the ARN, "*" for actions without resources, or "" where any of the action's type will do, because the
	// role's policies do not distinguish. The simulator's program refuses that where they do.
	Resource string         `json:"resource"`
	Context  map[string]any `json:"context"`
	Account  string         `json:"account"`
}

//go:embed dependent-actions.csv
var dependentActions string

// Dependent returns the actions that AWS requires of the caller of an action besides the action itself, by the column
// "Dependent actions" of the service authorization reference. It leaves out those for features that the stacks do not use,
// each with its reason in dependent-actions.csv, and iam:PassRole, which depends on the role.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
func Dependent() (map[string][]string, error) {
	rows, err := csv.NewReader(strings.NewReader(dependentActions)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("dependent-actions.csv: %w", err)
	}
	required := map[string][]string{}
	for _, row := range rows[1:] {
		if action, dependent, reason := row[0], row[1], row[2]; reason == "" {
			required[action] = append(required[action], dependent)
		}
	}
	return required, nil
}

// globalServices count as us-east-1 in aws:RequestedRegion, wherever the emulator's client signs them for.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion
var globalServices = []string{"iam", "cloudfront", "route53", "budgets", "ce"}

// checks are what IAM checks for the call when the role makes it.
func (p Project) checks(call Call, role Role) ([]check, error) {
	stack, err := p.stack(call.Stack)
	if err != nil {
		return nil, err
	}
	of := subject{project: p, stack: stack, role: role, call: call}
	all, err := of.direct()
	if err != nil {
		return nil, err
	}
	all = append(all, of.tags(all)...)
	passed, err := of.passes()
	if err != nil {
		return nil, err
	}
	dependent, err := of.dependent(all)
	return slices.Concat(all, passed, dependent), err
}

// subject is a call and who makes it.
type subject struct {
	project Project
	stack   Stack
	role    Role
	call    Call
}

func (s subject) region() string {
	if slices.Contains(globalServices, s.call.Signing) {
		return "us-east-1"
	}
	return s.call.Region
}

// ask is a check with the context that every request has.
func (s subject) ask(action, resource string, more map[string]any) check {
	context := map[string]any{
		"aws:RequestedRegion":  s.region(),
		"aws:PrincipalArn":     s.role.Arn,
		"aws:PrincipalAccount": s.role.Account,
	}
	for key, value := range more {
		context[key] = value
	}
	return check{Action: action, Resource: resource, Context: context, Account: s.role.Account}
}

// own replaces the emulator's account in an ARN by the role's.
func (s subject) own(arn string) string {
	return strings.ReplaceAll(arn, ":"+emulatorAccount+":", ":"+s.role.Account+":")
}

func (s subject) arn(service, resource string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, s.call.Region, s.role.Account, resource)
}

// direct are the checks of the request itself.
func (s subject) direct() ([]check, error) {
	switch s.call.Service {
	case "s3", "s3control":
		return s.s3()
	case "iam":
		return s.iam()
	case "kms":
		return s.kms(), nil
	case "secretsmanager":
		return s.secrets(), nil
	case "route53":
		return s.route53(), nil
	case "apigatewayv2":
		// The permission is about the HTTP method and the path. The simulator's data has the paths of REST APIs only, so
		// the policies may not distinguish paths.
		return []check{s.ask("apigateway:"+s.call.Method, "", nil)}, nil
	}
	var all []check
	for _, action := range s.actions() {
		all = append(all, s.ask(action, "", nil))
	}
	return all, nil
}

// signingPrefixes are the services whose prefix in IAM is not their signing name.
var signingPrefixes = map[string]string{"monitoring": "cloudwatch"}

// renamed are the operations whose action has another name.
var renamed = map[string][]string{
	"budgets:CreateBudget":                       {"budgets:ModifyBudget"},
	"budgets:CreateNotification":                 {"budgets:ModifyBudget"},
	"budgets:CreateSubscriber":                   {"budgets:ModifyBudget"},
	"budgets:DeleteBudget":                       {"budgets:ModifyBudget"},
	"budgets:DeleteNotification":                 {"budgets:ModifyBudget"},
	"budgets:DeleteSubscriber":                   {"budgets:ModifyBudget"},
	"budgets:DescribeBudget":                     {"budgets:ViewBudget"},
	"budgets:DescribeNotificationsForBudget":     {"budgets:ViewBudget"},
	"budgets:DescribeSubscribersForNotification": {"budgets:ViewBudget"},
	"budgets:UpdateBudget":                       {"budgets:ModifyBudget"},
	"budgets:UpdateNotification":                 {"budgets:ModifyBudget"},
	"budgets:UpdateSubscriber":                   {"budgets:ModifyBudget"},
	"cloudfront:CreateDistributionWithTags":      {"cloudfront:CreateDistribution", "cloudfront:TagResource"},
	"lambda:Invoke":                              {"lambda:InvokeFunction"},
}

func (s subject) actions() []string {
	prefix := s.call.Signing
	if other, has := signingPrefixes[prefix]; has {
		prefix = other
	}
	action := prefix + ":" + s.call.Operation
	if others, has := renamed[action]; has {
		return others
	}
	return []string{action}
}

// s3Actions are the actions of S3's operations, where they differ.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
var s3Actions = map[string]string{
	"DeleteBucketCors":                   "PutBucketCORS",
	"DeleteBucketEncryption":             "PutEncryptionConfiguration",
	"DeleteBucketLifecycle":              "PutLifecycleConfiguration",
	"DeleteBucketOwnershipControls":      "PutBucketOwnershipControls",
	"DeleteBucketReplication":            "PutReplicationConfiguration",
	"DeleteBucketTagging":                "PutBucketTagging",
	"DeleteObjects":                      "DeleteObject",
	"DeletePublicAccessBlock":            "PutBucketPublicAccessBlock",
	"GetBucketAccelerateConfiguration":   "GetAccelerateConfiguration",
	"GetBucketCors":                      "GetBucketCORS",
	"GetBucketEncryption":                "GetEncryptionConfiguration",
	"GetBucketLifecycleConfiguration":    "GetLifecycleConfiguration",
	"GetBucketNotificationConfiguration": "GetBucketNotification",
	"GetBucketReplication":               "GetReplicationConfiguration",
	"GetObjectLockConfiguration":         "GetBucketObjectLockConfiguration",
	"GetPublicAccessBlock":               "GetBucketPublicAccessBlock",
	"HeadBucket":                         "ListBucket",
	"HeadObject":                         "GetObject",
	"ListBuckets":                        "ListAllMyBuckets",
	"ListObjects":                        "ListBucket",
	"ListObjectsV2":                      "ListBucket",
	"ListObjectVersions":                 "ListBucketVersions",
	"PutBucketCors":                      "PutBucketCORS",
	"PutBucketEncryption":                "PutEncryptionConfiguration",
	"PutBucketLifecycleConfiguration":    "PutLifecycleConfiguration",
	"PutBucketNotificationConfiguration": "PutBucketNotification",
	"PutBucketReplication":               "PutReplicationConfiguration",
	"PutObjectLockConfiguration":         "PutBucketObjectLockConfiguration",
	"PutPublicAccessBlock":               "PutBucketPublicAccessBlock",
}

func (s subject) s3() ([]check, error) {
	if s.call.Service == "s3control" {
		action := map[string]string{"GetPublicAccessBlock": "GetAccountPublicAccessBlock"}[s.call.Operation]
		if strings.HasPrefix(s.call.Operation, "Put") || strings.HasPrefix(s.call.Operation, "Delete") {
			action = "PutAccountPublicAccessBlock"
		}
		if action == "" || !strings.HasSuffix(s.call.Operation, "PublicAccessBlock") {
			return nil, fmt.Errorf("s3control %s: its action is not known here", s.call.Operation)
		}
		return []check{s.ask("s3:"+action, "*", nil)}, nil
	}
	action := s.call.Operation
	if other, differs := s3Actions[action]; differs {
		action = other
	}
	bucket := text(s.call.Params, "Bucket")
	arn := "arn:aws:s3:::" + bucket
	switch {
	case bucket == "":
		return []check{s.ask("s3:"+action, "*", nil)}, nil
	case s.call.Operation == "DeleteObjects":
		return s.deletedObjects(arn), nil
	case strings.HasPrefix(action, "ListBucket"):
		return []check{s.ask("s3:"+action, arn, map[string]any{"s3:prefix": text(s.call.Params, "Prefix")})}, nil
	}
	if key := text(s.call.Params, "Key"); key != "" {
		if action == "DeleteObject" && text(s.call.Params, "VersionId") != "" {
			action = "DeleteObjectVersion"
		}
		return []check{s.ask("s3:"+action, arn+"/"+key, nil)}, nil
	}
	all := []check{s.ask("s3:"+action, arn, nil)}
	if s.call.Operation == "CreateBucket" && s.call.Params["ObjectLockEnabledForBucket"] != nil {
		// AWS, "CreateBucket", Permissions
		all = append(all, s.ask("s3:PutBucketObjectLockConfiguration", arn, nil), s.ask("s3:PutBucketVersioning", arn, nil))
	}
	return all, nil
}

func (s subject) deletedObjects(bucket string) []check {
	var all []check
	wanted, _ := s.call.Params["Delete"].(map[string]any)
	objects, _ := wanted["Objects"].([]any)
	for _, object := range objects {
		fields, _ := object.(map[string]any)
		action := "s3:DeleteObject"
		if text(fields, "VersionId") != "" {
			action = "s3:DeleteObjectVersion"
		}
		all = append(all, s.ask(action, bucket+"/"+text(fields, "Key"), nil))
	}
	if s.call.Params["BypassGovernanceRetention"] == true {
		all = append(all, s.ask("s3:BypassGovernanceRetention", bucket+"/*", nil))
	}
	return all
}

// boundaryActions are those whose condition key iam:PermissionsBoundary is the boundary of the role in question.
var boundaryActions = []string{
	"AttachRolePolicy",
	"CreateRole",
	"DeleteRolePermissionsBoundary",
	"DeleteRolePolicy",
	"DetachRolePolicy",
	"PutRolePermissionsBoundary",
	"PutRolePolicy",
}

func (s subject) iam() ([]check, error) {
	account := func(resource string) string { return fmt.Sprintf("arn:aws:iam::%s:%s", s.role.Account, resource) }
	action, context := "iam:"+s.call.Operation, map[string]any{}
	if slices.Contains(boundaryActions, s.call.Operation) {
		boundary := s.own(text(s.call.Params, "PermissionsBoundary"))
		if boundary == "" {
			_, boundary = s.stack.trusted(text(s.call.Params, "RoleName"))
		}
		if boundary != "" {
			context["iam:PermissionsBoundary"] = boundary
		}
	}
	var resource string
	switch {
	case s.call.Operation == "CreateServiceLinkedRole":
		service := text(s.call.Params, "AWSServiceName")
		resource, context["iam:AWSServiceName"] = account("role/aws-service-role/"+service+"/AWSServiceRole"), service
	case text(s.call.Params, "RoleName") != "":
		resource = account("role/" + text(s.call.Params, "RoleName"))
	case text(s.call.Params, "PolicyArn") != "":
		resource = s.own(text(s.call.Params, "PolicyArn"))
	case text(s.call.Params, "PolicyName") != "":
		resource = account("policy/" + text(s.call.Params, "PolicyName"))
	case text(s.call.Params, "OpenIDConnectProviderArn") != "":
		resource = s.own(text(s.call.Params, "OpenIDConnectProviderArn"))
	case text(s.call.Params, "Url") != "":
		resource = account("oidc-provider/" + strings.TrimPrefix(text(s.call.Params, "Url"), "https://"))
	case strings.HasPrefix(s.call.Operation, "List"):
		resource = "*"
	default:
		return nil, fmt.Errorf("iam %s: the resource is not known here", s.call.Operation)
	}
	return []check{s.ask(action, resource, context)}, nil
}

func (s subject) kms() []check {
	action, context := "kms:"+s.call.Operation, map[string]any{}
	key := func(id string) string {
		if strings.HasPrefix(id, "arn:") {
			return s.own(id)
		}
		return s.arn("kms", "key/"+id)
	}
	alias := text(s.call.Params, "AliasName")
	switch {
	case slices.Contains([]string{"CreateKey", "ListAliases", "ListKeys"}, s.call.Operation):
		return []check{s.ask(action, "*", context)}
	case alias != "":
		all := []check{s.ask(action, s.arn("kms", alias), context)}
		if target := text(s.call.Params, "TargetKeyId"); target != "" {
			all = append(all, s.ask(action, key(target), context))
		}
		return all
	default:
		return []check{s.ask(action, key(text(s.call.Params, "KeyId")), context)}
	}
}

func (s subject) secrets() []check {
	id := text(s.call.Params, "SecretId")
	if id == "" {
		id = text(s.call.Params, "Name")
	}
	resource := s.own(id)
	switch {
	case id == "":
		resource = "*"
	case !strings.HasPrefix(id, "arn:"):
		resource = s.arn("secretsmanager", "secret:"+id+"-a1B2c3")
	}
	return []check{s.ask("secretsmanager:"+s.call.Operation, resource, nil)}
}

func (s subject) route53() []check {
	last := func(id string) string { return id[strings.LastIndex(id, "/")+1:] }
	action, context := "route53:"+s.call.Operation, map[string]any{}
	zone := text(s.call.Params, "HostedZoneId")
	switch {
	case s.call.Operation == "GetChange":
		return []check{s.ask(action, "arn:aws:route53:::change/"+last(text(s.call.Params, "Id")), nil)}
	case strings.HasSuffix(s.call.Operation, "QueryLoggingConfig") && zone == "":
		return []check{s.ask(action, "arn:aws:route53:::queryloggingconfig/"+last(text(s.call.Params, "Id")), nil)}
	case s.call.Operation == "ChangeResourceRecordSets":
		context = recordContext(s.call.Params)
	}
	if zone == "" {
		zone = text(s.call.Params, "Id") + text(s.call.Params, "ResourceId")
	}
	if zone == "" {
		return []check{s.ask(action, "*", nil)}
	}
	return []check{s.ask(action, "arn:aws:route53:::hostedzone/"+last(zone), context)}
}

// recordContext are the condition keys of a change of records.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html
func recordContext(params map[string]any) map[string]any {
	var names, types, actions []string
	batch, _ := params["ChangeBatch"].(map[string]any)
	changes, _ := batch["Changes"].([]any)
	for _, change := range changes {
		fields, _ := change.(map[string]any)
		record, _ := fields["ResourceRecordSet"].(map[string]any)
		names = append(names, strings.TrimSuffix(strings.ToLower(text(record, "Name")), "."))
		types, actions = append(types, text(record, "Type")), append(actions, text(fields, "Action"))
	}
	const prefix = "route53:ChangeResourceRecordSets"
	return map[string]any{
		prefix + "NormalizedRecordNames": names,
		prefix + "RecordTypes":           types,
		prefix + "Actions":               actions,
	}
}

// tagActions are the actions that set tags, where they are not TagResource.
var tagActions = map[string]string{
	"acm":                  "AddTagsToCertificate",
	"ec2":                  "CreateTags",
	"elasticache":          "AddTagsToResource",
	"elasticloadbalancing": "AddTags",
	"rds":                  "AddTagsToResource",
	"ssm":                  "AddTagsToResource",
}

var iamTagActions = map[string]string{
	"CreateRole":                  "TagRole",
	"CreatePolicy":                "TagPolicy",
	"CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
}

// tags are the checks for tags that a request sets on what it makes. A service that also checks it at its creation asks
// for the action that sets tags.
func (s subject) tags(direct []check) []check {
	if !mutates(s.call.Operation) || strings.Contains(s.call.Operation, "Tag") || len(direct) == 0 {
		return nil
	}
	tagged := slices.ContainsFunc(
		[]string{"Tags", "TagList", "TagSpecifications", "tags", "ResourceTags", "BackupVaultTags", "BackupPlanTags"},
		func(name string) bool {
			switch value := s.call.Params[name].(type) {
			case []any:
				return len(value) > 0
			case map[string]any:
				return len(value) > 0
			default:
				return false
			}
		},
	)
	service, _, _ := strings.Cut(direct[0].Action, ":")
	// S3 sets tags by a request of their own, and API Gateway's methods cover them
	if !tagged || service == "s3" || service == "apigateway" || service == "route53" {
		return nil
	}
	action, differs := tagActions[service]
	if service == "iam" {
		action, differs = iamTagActions[s.call.Operation], true
	}
	if !differs {
		action = "TagResource"
	}
	resource := direct[0].Resource
	if service == "kms" {
		resource = s.arn("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")
	}
	return []check{s.ask(service+":"+action, resource, nil)}
}

// passes are the roles that a request hands to a service: every role's ARN among its parameters.
func (s subject) passes() ([]check, error) {
	if s.call.Service == "iam" || !mutates(s.call.Operation) {
		return nil, nil
	}
	var all []check
	for _, arn := range rolesIn(s.call.Params) {
		name := arn[strings.LastIndex(arn, "/")+1:]
		service, _ := s.stack.trusted(name)
		if service == "" {
			return nil, fmt.Errorf("%s passes the role %s, which is not a service's role of the stack", s.call.Operation, arn)
		}
		more := map[string]any{"iam:PassedToService": service, "aws:RequestedRegion": "us-east-1"}
		all = append(all, s.ask("iam:PassRole", s.own(arn), more))
	}
	return all, nil
}

// rolesIn are the role ARNs among values; roles that belong to a service are nobody's to pass.
func rolesIn(value any) []string {
	found := map[string]bool{}
	var walk func(any)
	walk = func(value any) {
		switch v := value.(type) {
		case string:
			if strings.HasPrefix(v, "arn:aws:iam::") && strings.Contains(v, ":role/") && !strings.Contains(v, ":role/aws-service-role/") && !strings.ContainsAny(v, "*{ ") {
				found[v] = true
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(value)
	return sortedKeys(found)
}

// dependent are the checks of AWS's dependent actions. A key is used through the service that is called, and only where
// the request names one.
func (s subject) dependent(direct []check) ([]check, error) {
	required, err := Dependent()
	if err != nil {
		return nil, err
	}
	var all []check
	for _, first := range direct {
		service, _, _ := strings.Cut(first.Action, ":")
		for _, action := range required[first.Action] {
			of, verb, _ := strings.Cut(action, ":")
			switch {
			case strings.Contains(verb, "Tag"): // judged by what the request sets
			case of == "kms":
				if namesKey(s.call.Params) {
					all = append(all, s.ask(action, s.arn("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab"), map[string]any{
						"kms:ViaService": fmt.Sprintf(
							"%s.%s.amazonaws.com",
							service,
							s.call.Region,
						), "aws:ResourceTag/Stack": s.stack.Name}))
				}
			case action == "iam:CreateServiceLinkedRole":
				all = append(
					all,
					s.ask(
						action,
						fmt.Sprintf("arn:aws:iam::%s:role/aws-service-role/%s.amazonaws.com/AWSServiceRole", s.role.Account, service),
						map[string]any{"aws:RequestedRegion": "us-east-1"},
					),
				)
			case of == "route53":
				all = append(
					all,
					s.ask(action, "arn:aws:route53:::hostedzone/Z0", map[string]any{"aws:RequestedRegion": "us-east-1"}),
				)
			case of == "secretsmanager":
				all = append(all, s.ask(action, s.arn("secretsmanager", "secret:rds-a1B2c3"), nil))
			default:
				all = append(all, s.ask(action, "", nil))
			}
		}
	}
	return all, nil
}

func namesKey(params map[string]any) bool {
	for _, value := range params {
		if name, is := value.(string); is && strings.Contains(name, ":key/") {
			return true
		}
	}
	return false
}

// text is a parameter that is a string.
func text(params map[string]any, name string) string {
	value, _ := params[name].(string)
	return value
}
