package stacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/identity"
)

// The outputs of batbern-base, by their names in its state. The base writes them, environments read them; both take
// the names from here. A name is API: environments that are already deployed read it.
const (
	// OutputZoneID is the public hosted zone's id.
	OutputZoneID = "zone_id"
	// OutputZoneNameServers are what the registrar of the domain has to be told.
	OutputZoneNameServers = "zone_name_servers"
	// OutputGithubProviderArn is the identity provider that GitHub's workflows sign in with.
	OutputGithubProviderArn = "github_provider_arn"
)

// OutputEnvironmentZoneID is the name of the output that holds the zone that an environment writes to.
func OutputEnvironmentZoneID(environment config.Name) string {
	return "zone_id_" + snake(string(environment))
}

// OutputEnvironmentNameServers is the name of the output that holds the name servers of an environment's own zone. An
// environment at the apex has none.
func OutputEnvironmentNameServers(environment config.Name) string {
	return "zone_name_servers_" + snake(string(environment))
}

// OutputRepositoryURL is the name of the output that holds an image repository's URL.
func OutputRepositoryURL(repository string) string { return "repository_url_" + snake(repository) }

// OutputRepositoryArn is the name of the output that holds an image repository's ARN.
func OutputRepositoryArn(repository string) string { return "repository_arn_" + snake(repository) }

// OutputDNSRoleArn is the name of the output that holds the role with which an environment writes its DNS names.
func OutputDNSRoleArn(environment config.Name) string {
	return "dns_role_arn_" + snake(string(environment))
}

// OutputDNSReadRoleArn is the name of the output that holds the role with which plans of an environment read the zone.
func OutputDNSReadRoleArn(environment config.Name) string {
	return "dns_read_role_arn_" + snake(string(environment))
}

// OutputPlanRoleArn is the name of the output that holds the role with which pipelines plan an environment.
func OutputPlanRoleArn(environment config.Name) string {
	return "plan_role_arn_" + snake(string(environment))
}

// OutputApplyRoleArn is the name of the output that holds the role with which pipelines apply an environment.
func OutputApplyRoleArn(environment config.Name) string {
	return "apply_role_arn_" + snake(string(environment))
}

func snake(name string) string { return strings.ReplaceAll(name, "-", "_") }

// output writes one value of the contract under its fixed name.
func output(scope constructs.Construct, name string, value any, description string) {
	cdktf.NewTerraformOutput(scope, jsii.String(name), &cdktf.TerraformOutputConfig{
		Value:       value,
		Description: jsii.String(description),
		StaticId:    jsii.Bool(true),
	})
}

// shared reads the base's outputs from its state: the one remote state an environment has.
type shared struct {
	state cdktf.DataTerraformRemoteState
	read  map[string]bool // outputs that the stack uses
}

func newShared(state cdktf.DataTerraformRemoteState) shared {
	return shared{state, map[string]bool{}}
}

func (s shared) output(name string) string {
	s.read[name] = true
	return *s.state.GetString(jsii.String(name))
}

// requireOutputs fails a plan, with one message, where the base has not been applied since it got an output that was
// read so far: an environment planned too early would otherwise print every attribute that uses the output.
// https://developer.hashicorp.com/terraform/language/validate#preconditions-and-postconditions
func (s shared) requireOutputs(base string) {
	names := `["` + strings.Join(slices.Sorted(maps.Keys(s.read)), `", "`) + `"]`
	s.state.AddOverride(jsii.String("lifecycle"), map[string]any{"postcondition": []map[string]any{{
		"condition":     fmt.Sprintf("${length(setsubtract(%s, keys(self.outputs))) == 0}", names),
		"error_message": fmt.Sprintf("Apply %s first: its state has no output ${join(\", \", setsubtract(%s, keys(self.outputs)))}.", base, names),
	}}})
}

// zoneID is the zone that the environment writes to.
func (s shared) zoneID(environment config.Name) string {
	return s.output(OutputEnvironmentZoneID(environment))
}

func (s shared) repositoryURL(repository string) string {
	return s.output(OutputRepositoryURL(repository))
}

func (s shared) repositoryArn(repository string) string {
	return s.output(OutputRepositoryArn(repository))
}

// dnsRoleArn is the role of the provider that works in the zone: one that only reads where the stack is only planned.
func (s shared) dnsRoleArn(environment config.Name, settings config.Settings) string {
	name := OutputDNSRoleArn(environment)
	if settings.DeployRole == string(identity.Plan) {
		name = OutputDNSReadRoleArn(environment)
	}
	return s.output(name)
}
