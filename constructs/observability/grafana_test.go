package observability

import (
	"slices"
	"testing"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// Traces lie under the key of the logs. Without the key Grafana lists traces and shows none.
func TestGrafanaDecryptsTraces(t *testing.T) {
	const key = "arn:aws:kms:eu-central-1:222233334444:key/logs"
	document := grafanaPolicy(Props{LogsKeyArn: key, Account: config.Account{ID: "222233334444", Region: "eu-central-1"}})
	if !slices.ContainsFunc(document.Statements, func(s policy.Statement) bool {
		return s.Effect == policy.Allow && slices.Equal(s.Actions, []string{"kms:Decrypt"}) &&
			slices.Equal(s.Resources, []string{key}) &&
			slices.Equal(s.Conditions["StringEquals"]["kms:ViaService"], []string{"xray.eu-central-1.amazonaws.com"})
	}) {
		t.Errorf("no statement lets Grafana decrypt traces: %s", document.JSON())
	}
}
