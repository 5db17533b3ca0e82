package config

import (
	"fmt"
	"slices"
)

// ExternalSecret is a secret whose value comes from outside: a mail relay's password, a payment provider's key (NFR3). It
// is made empty; a person puts the value in, services that name it read it when a task starts. An alarm speaks before
// the value is older than MaxAgeDays; nothing can renew it but the person.
//
// A service names a secret only when its value is there: ECS starts no task with a secret that has none. Until then
// nobody reads it, which Security Hub finds after 90 days (SecretsManager.3): put the value in, or take the entry out.
type ExternalSecret struct {
	// Name is what services call it, "mail"; in AWS it is "batbern-dev/external/mail".
	Name string `validate:"required,max=40,servicename"`
	// Purpose says in a sentence what the value opens and where a new one is made, for whoever has to renew it.
	Purpose string `validate:"required,max=200"`
	// MaxAgeDays is how old a value may become: 90 at most, as for secrets that rotate by themselves (SecretsManager.4).
	MaxAgeDays int `validate:"min=1,max=90"`
}

// ExpiryWarningDays is how many days before its end the alarm speaks of an external secret's value.
const ExpiryWarningDays = 14

func (s ExternalSecret) check(at path, report *Faults) {
	if s.MaxAgeDays > 0 && s.MaxAgeDays <= ExpiryWarningDays {
		report.add(at.field("MaxAgeDays"), s.MaxAgeDays, fmt.Sprintf("more than %d", ExpiryWarningDays),
			"let values become older: the alarm speaks that many days before, and would never be silent")
	}
}

// externalSecrets are what BATbern's services may name; none has to.
func externalSecrets() []ExternalSecret {
	return []ExternalSecret{
		{Name: "mail", Purpose: "User name and password of the mail relay that sends invitations and confirmations; made anew in the relay's console", MaxAgeDays: 90},
		{Name: "payment", Purpose: "Key of the payment provider's API, by which partners and attendees pay; made anew in the provider's console", MaxAgeDays: 90},
	}
}

// secretNames are the secrets that services of the environment may read.
func (e Environment) secretNames() []string {
	var names []string
	for _, secret := range e.ExternalSecrets {
		names = append(names, secret.Name)
	}
	return slices.Sorted(slices.Values(names))
}
