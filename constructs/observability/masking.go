package observability

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchlogaccountpolicy"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/internal/text"
)

// CustomIdentifier is a pattern of personal data that AWS has no managed data identifier for.
type CustomIdentifier struct {
	Name, Regex string
}

// customIdentifiers are Swiss: AWS has no managed identifiers for them. AWS allows no parentheses, so alternatives are
// written out in full.
var customIdentifiers = []CustomIdentifier{
	{"AhvNumber", `756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}`},
	{"SwissPhoneNumber", `\+41[ .]?[0-9]{2}[ .]?[0-9]{3}[ .]?[0-9]{2}[ .]?[0-9]{2}` +
		`|0041[ .]?[0-9]{2}[ .]?[0-9]{3}[ .]?[0-9]{2}[ .]?[0-9]{2}`},
}

// managedIdentifiers are AWS's, by the names in "Managed data identifiers" of the CloudWatch Logs User Guide.
var managedIdentifiers = []string{
	"AwsSecretKey", "BankAccountNumber-DE", "CreditCardNumber", "EmailAddress", "OpenSshPrivateKey",
}

// The limits of AWS, "Custom data identifiers", section "Custom data identifier constraints".
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL-custom-data-identifiers.html
const (
	maxCustomIdentifiers   = 10  // in one data protection policy
	maxIdentifierNameChars = 128 // of letters, digits, "_" and "-"
	maxIdentifierRegex     = 200 // characters
)

// No parentheses, colons, quotation marks, slashes other than "/", or characters outside ASCII.
var (
	identifierName  = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	identifierRegex = regexp.MustCompile(`^[a-zA-Z0-9_#=@/;, ^$?\[\]{}|\\*+.-]+$`)
)

// CheckIdentifiers returns an error for the first custom identifier that CloudWatch Logs would refuse in a policy that
// also uses the managed ones.
func CheckIdentifiers(custom []CustomIdentifier, managed []string) error {
	refused := func(found, allowed string) error {
		return fmt.Errorf("custom data identifiers of CloudWatch Logs: found %s; allowed: %s; "+
			"change customIdentifiers in constructs/observability/masking.go", found, allowed)
	}
	if len(custom) > maxCustomIdentifiers {
		return refused(fmt.Sprint(len(custom)), fmt.Sprintf("%d in a policy", maxCustomIdentifiers))
	}
	names := slices.Clone(managed)
	for _, identifier := range custom {
		switch {
		case !identifierName.MatchString(identifier.Name) || len(identifier.Name) > maxIdentifierNameChars:
			return refused(fmt.Sprintf("the name %q", identifier.Name),
				fmt.Sprintf("1 to %d letters, digits, underscores and hyphens", maxIdentifierNameChars))
		case slices.Contains(names, identifier.Name):
			return refused(fmt.Sprintf("the name %q twice", identifier.Name),
				"a name that no other identifier has, managed ones included")
		case !identifierRegex.MatchString(identifier.Regex):
			return refused(fmt.Sprintf("%s with the expression %q", identifier.Name, identifier.Regex),
				`letters, digits, spaces and _#=@/;,-^$?[]{}|\*+. (no parentheses)`)
		case len(identifier.Regex) > maxIdentifierRegex:
			return refused(fmt.Sprintf("%s with an expression of %d characters", identifier.Name, len(identifier.Regex)),
				fmt.Sprintf("%d characters", maxIdentifierRegex))
		}
		if _, err := regexp.Compile(identifier.Regex); err != nil {
			return refused(fmt.Sprintf("%s with the expression %q (%v)", identifier.Name, identifier.Regex, err),
				"a regular expression that compiles")
		}
		names = append(names, identifier.Name)
	}
	return nil
}

// mask hides personal data in all log groups of the account in the provider's region, future ones included.
func mask(scope constructs.Construct, id string, provider cdktf.TerraformProvider, props Props) {
	if err := CheckIdentifiers(customIdentifiers, managedIdentifiers); err != nil {
		panic(err)
	}
	cloudwatchlogaccountpolicy.NewCloudwatchLogAccountPolicy(scope, jsii.String(id),
		&cloudwatchlogaccountpolicy.CloudwatchLogAccountPolicyConfig{
			PolicyName:     jsii.String(props.Name + "-masking"),
			PolicyType:     jsii.String("DATA_PROTECTION_POLICY"),
			Scope:          jsii.String("ALL"),
			PolicyDocument: jsii.String(MaskingPolicy(props.Name)),
			Provider:       provider,
		})
}

// MaskingPolicy hides personal data and credentials in all log groups of the account. Principals with logs:Unmask may
// still read them, and metric filters match the original text. Events that were ingested before stay unmasked.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch-logs-data-protection-policies.html
func MaskingPolicy(name string) string {
	var identifiers []string
	for _, custom := range customIdentifiers {
		identifiers = append(identifiers, custom.Name)
	}
	for _, managed := range managedIdentifiers {
		identifiers = append(identifiers, "arn:aws:dataprotection::aws:data-identifier/"+managed)
	}
	audit := map[string]any{"Audit": map[string]any{"FindingsDestination": map[string]any{}}}
	hide := map[string]any{"Deidentify": map[string]any{"MaskConfig": map[string]any{}}}
	return text.JSON(map[string]any{
		"Name":        name + "-masking",
		"Description": "Personal data and credentials are hidden from principals without logs:Unmask",
		"Version":     "2021-06-01",
		"Configuration": map[string]any{
			"CustomDataIdentifier": customIdentifiers,
		},
		// AWS requires both: what is audited, and that it is masked
		"Statement": []map[string]any{
			{"Sid": "audit", "DataIdentifier": identifiers, "Operation": audit},
			{"Sid": "mask", "DataIdentifier": identifiers, "Operation": hide},
		},
	})
}
