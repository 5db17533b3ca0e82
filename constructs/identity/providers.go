package identity

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamopenidconnectprovider"
)

// identityProvider makes the account's identity provider of a host and gives its ARN. An account can have no more than
// one a host.
func identityProvider(scope constructs.Construct, id, host, audience string) (arn string) {
	return *iamopenidconnectprovider.NewIamOpenidConnectProvider(scope, jsii.String(id), &iamopenidconnectprovider.IamOpenidConnectProviderConfig{
		Url:          jsii.String("https://" + host),
		ClientIdList: jsii.Strings(audience),
		// AWS goes by its own list of authorities for these hosts, and not by this; older providers ask for it
		ThumbprintList: optionalList(thumbprints[host]),
	}).Arn()
}

func githubProvider(scope constructs.Construct) (arn string) {
	return identityProvider(scope, "github", githubHost, githubAudience)
}

// provider returns the ARN of the account's identity provider of Terraform Cloud, which is made here or exists already.
// It is "" without an organization, which means that nothing is trusted.
func (c TerraformCloud) provider(scope constructs.Construct, accountID string, make bool) (arn string) {
	switch {
	case c.Organization == "":
		return ""
	case make:
		return identityProvider(scope, "terraform_cloud", c.Host, terraformCloudAudience)
	default:
		return providerArn(accountID, c.Host)
	}
}

func providerArn(accountID, host string) string {
	return fmt.Sprintf("arn:aws:iam::%s:oidc-provider/%s", accountID, host)
}

// thumbprints are the hosts' authorities as AWS published them. Other hosts have none: the provider leaves the list to
// AWS where it is empty.
var thumbprints = map[string][]string{
	githubHost:         {"6938fd4d98bab03faadb97b34396831e3780aea1", "1c58a3a8518e8759bf075b76b750d4f2df264fcd"},
	"app.terraform.io": {"9e99a48a9960b14926bb7f3b02e22da2b0ab7280"},
}

// optionalList is nil for an empty list, which leaves the argument out.
func optionalList(values []string) *[]*string {
	if len(values) == 0 {
		return nil
	}
	return jsii.Strings(values...)
}
