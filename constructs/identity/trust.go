// Package identity makes what bounds roles.
package identity

import "github.com/batbern/infrastructure/constructs/policy"

// ServiceTrust is the trust policy of a role that an AWS service assumes on behalf of this account alone.
func ServiceTrust(service, accountID, sourceArn string) string {
	conditions := map[string]map[string][]string{"StringEquals": {"aws:SourceAccount": {accountID}}}
	if sourceArn != "" {
		conditions["ArnLike"] = map[string][]string{"aws:SourceArn": {sourceArn}}
	}
	return policy.Document{Statements: []policy.Statement{{
		Principals: map[string][]string{"Service": {service}}, Actions: []string{"sts:AssumeRole"}, Conditions: conditions,
	}}}.JSON()
}
