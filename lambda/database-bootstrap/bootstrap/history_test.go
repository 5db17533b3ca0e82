package bootstrap

import "testing"

func TestFlywaysHistoryIsReadAndNotWritten(t *testing.T) {
	f := newFixture(t)
	f.run()
	// The default privileges grant all a service's rights on it, as on every table.
	allowed(t, f.as(f.migrator()), "CREATE TABLE event_management."+historyTable+" (version text)")
	f.run()

	events := f.as(f.events())
	allowed(t, events, "SELECT * FROM "+historyTable)
	denied(t, events, "DELETE FROM "+historyTable, "INSERT INTO "+historyTable+" VALUES ('1')", "UPDATE "+historyTable+" SET version = '1'")
	f.assertConverged()
	allowed(t, f.as(f.readonly()), "SELECT * FROM event_management."+historyTable)
}
