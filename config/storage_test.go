package config

import (
	"strings"
	"testing"
)

func spoilContent(lifecycle Lifecycle) func(*Environment) {
	return func(e *Environment) { e.Storage.Content = lifecycle }
}

func TestEveryFaultOfTheStorageIsNamed(t *testing.T) {
	plantEach(t, []fault{
		{"infrequent access too early", spoilContent(Lifecycle{Transitions: []Transition{{29, InfrequentAccess}}}), "Storage.Content.Transitions[STANDARD_IA].AfterDays"},
		{"back to a warmer class", spoilContent(Lifecycle{Transitions: []Transition{{30, Glacier}, {60, GlacierInstant}}}), "Storage.Content.Transitions[GLACIER_IR]"},
		{"the same class twice", spoilContent(Lifecycle{Transitions: []Transition{{30, Glacier}, {60, Glacier}}}), "Storage.Content.Transitions[GLACIER]"},
		{"earlier than the one before", spoilContent(Lifecycle{Transitions: []Transition{{60, GlacierInstant}, {30, Glacier}}}), "Storage.Content.Transitions[GLACIER].AfterDays"},
		{"out of infrequent access too early", spoilContent(Lifecycle{Transitions: []Transition{{30, InfrequentAccess}, {59, Glacier}}}), "Storage.Content.Transitions[GLACIER].AfterDays"},
		{"deleted before the transition", spoilContent(Lifecycle{Transitions: []Transition{{30, Glacier}}, ExpirationDays: 30}), "Storage.Content.ExpirationDays"},
		{"negative expiration", spoilContent(Lifecycle{ExpirationDays: -1}), "Storage.Content.ExpirationDays"},
		{"negative noncurrent", spoilContent(Lifecycle{NoncurrentDays: -1}), "Storage.Content.NoncurrentDays"},
		{"unknown class", spoilContent(Lifecycle{Transitions: []Transition{{30, "REDUCED_REDUNDANCY"}}}), "Storage.Content.Transitions[REDUCED_REDUNDANCY].Class"},
		{"imports that expire", func(e *Environment) { e.Storage.Imports.ExpirationDays = 3650 }, "Storage.Imports"},
		{"imports whose versions expire", func(e *Environment) { e.Storage.Imports.NoncurrentDays = 3650 }, "Storage.Imports"},
		{"deleted before the lock ends", func(e *Environment) { e.Storage.BackupLockDays, e.Storage.Backups.ExpirationDays = 400, 399 }, "Storage.Backups.ExpirationDays"},
		{"versions deleted before the lock ends", func(e *Environment) { e.Storage.BackupLockDays, e.Storage.Backups.NoncurrentDays = 400, 5 }, "Storage.Backups.NoncurrentDays"},
		{"logs for ever", func(e *Environment) { e.Storage.LogRetentionDays = 0 }, "Storage.LogRetentionDays"},
		{"uploads from everywhere", func(e *Environment) { e.Storage.UploadOrigins = []string{"*"} }, "Storage.UploadOrigins[0]"},
		{"an origin with a path", func(e *Environment) { e.Storage.UploadOrigins = []string{"https://a.ch/"} }, "Storage.UploadOrigins[0]"},
		{"an origin twice", func(e *Environment) { e.Storage.UploadOrigins = []string{"https://a.ch", "https://a.ch"} }, "Storage.UploadOrigins"},
	})
}

func TestLegalLifecycles(t *testing.T) {
	for name, lifecycle := range map[string]Lifecycle{
		"keep everything":     {},
		"down all the way":    {Transitions: []Transition{{30, InfrequentAccess}, {60, IntelligentTiering}, {61, GlacierInstant}, {90, Glacier}, {180, DeepArchive}}, ExpirationDays: 361},
		"at once":             {Transitions: []Transition{{0, GlacierInstant}}},
		"expire, no stations": {ExpirationDays: 1},
	} {
		t.Run(name, func(t *testing.T) {
			project := load(t, nil)
			project.Environments[0].Storage.Content = lifecycle
			if faults := project.validate(); len(faults) > 0 {
				t.Error(faults)
			}
		})
	}
}

func TestStorageProductionFloor(t *testing.T) {
	project := load(t, nil)
	production := &project.Environments[2]
	production.Storage.Replicated = false
	production.Storage.UploadOrigins = []string{"http://localhost:5173"}
	text := project.validate().Error()
	for _, wanted := range []string{"prod.Storage.Replicated: found false", "prod.Storage.UploadOrigins[0]: found"} {
		if !strings.Contains(text, wanted) {
			t.Errorf("%q is not in\n%s", wanted, text)
		}
	}
}
