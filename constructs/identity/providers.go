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
		// AWS goes by its own list of authorities for both hosts, and not by this; older providers ask for it
		ThumbprintList: jsii.Strings(thumbprints[host]...),
	}).Arn()
}

func githubProvider(scope constructs.Construct) (arn string) {
	return identityProvider(scope, "github", githubHost, githubAudience)
}

// terraformCloudProvider is the account's identity provider of Terraform Cloud: made here, or one that stands there.
// It is "" without an organization, which means that nothing is trusted.
func terraformCloudProvider(scope constructs.Construct, accountID, organization string, make bool) (arn string) {
	switch {
	case organization == "":
		return ""
	case make:
		return identityProvider(scope, "terraform_cloud", terraformCloudHost, terraformCloudAudience)
	default:
		return providerArn(accountID, terraformCloudHost)
	}
}

func providerArn(accountID, host string) string {
	return fmt.Sprintf("arn:aws:iam::%s:oidc-provider/%s", accountID, host)
}

// thumbprints are the hosts' authorities as AWS published them.
var thumbprints = map[string][]string{
	githubHost:         {"6938fd4d98bab03faadb97b34396831e3780aea1", "1c58a3a8518e8759bf075b76b750d4f2df264fcd"},
	terraformCloudHost: {"9e99a48a9960b14926bb7f3b02e22da2b0ab7280"},
}
