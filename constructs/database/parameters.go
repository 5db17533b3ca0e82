package database

import (
	"fmt"

	"github.com/batbern/infrastructure/config"
)

// Parameter is a server parameter of PostgreSQL on RDS.
type Parameter struct {
	Name, Value string
	// Static parameters take effect at a restart; RDS refuses to apply them at once.
	Static bool
	// Default says that the value is, or may be, RDS's own for the family. RDS then keeps the parameter as its own and
	// reports the apply method "pending-reboot" for it, whatever was asked for: with "immediate" no plan would ever be
	// empty. https://github.com/hashicorp/terraform-provider-aws/issues/39252
	Default bool
}

// ApplyMethod is RDS's word for when the parameter takes effect. An instance gets all of them when it is made.
func (p Parameter) ApplyMethod() string {
	if p.Static || p.Default {
		return "pending-reboot"
	}
	return "immediate"
}

// Parameters are what is set. Passwords and personal data stay out of the log: data definitions are logged, slow
// statements are, their parameters' values are not (docs/decisions/0010).
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Parameters.html
func Parameters(database config.Database) []Parameter {
	return []Parameter{
		{Name: "idle_in_transaction_session_timeout", Value: "60000"}, // ms: a forgotten transaction holds back vacuum
		{Name: "log_connections", Value: "1"},
		{Name: "log_disconnections", Value: "1"},
		{Name: "log_lock_waits", Value: "1"},
		{Name: "log_min_duration_statement", Value: fmt.Sprint(database.SlowQueryMilliseconds)},
		{Name: "log_parameter_max_length", Value: "0"},                         // values of slow statements' parameters stay out of the log
		{Name: "log_parameter_max_length_on_error", Value: "0", Default: true}, // PostgreSQL's
		{Name: "log_statement", Value: "ddl"},
		{Name: "log_temp_files", Value: "10240"},                             // kB
		{Name: "password_encryption", Value: "scram-sha-256", Default: true}, // from PostgreSQL 14 on
		{Name: "pg_stat_statements.track", Value: "all"},
		{Name: "rds.force_ssl", Value: "1", Default: true}, // RDS.38; the default from PostgreSQL 15 on, where it is dynamic
		{Name: "shared_preload_libraries", Value: "pg_stat_statements", Static: true},
	}
}
