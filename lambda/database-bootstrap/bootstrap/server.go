package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/batbern/infrastructure/lambda/event"
)

// bootstrap is one call of the function.
type bootstrap struct {
	event  event.Bootstrap
	master string
	report *Report
}

// server brings into order what all databases share: roles, memberships, the database itself and its settings.
func (b *bootstrap) server(ctx context.Context, conn *pgx.Conn) error {
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := b.roles(ctx, tx); err != nil {
			return err
		}
		return b.memberships(ctx, tx)
	})
	if err != nil {
		return err
	}
	if err := b.createDatabase(ctx, conn); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := b.databaseOwner(ctx, tx); err != nil {
			return err
		}
		if err := b.databaseGrants(ctx, tx); err != nil {
			return err
		}
		return b.settings(ctx, tx)
	})
}

// do runs a statement and notes it as a change.
func (b *bootstrap) do(ctx context.Context, on executor, change, statement string) error {
	if _, err := on.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", change, err)
	}
	b.report.Changes = append(b.report.Changes, change)
	return nil
}

func (b *bootstrap) warn(format string, args ...any) {
	b.report.Warnings = append(b.report.Warnings, fmt.Sprintf(format, args...))
}

// roles makes the owner and the logins, and puts their attributes right.
func (b *bootstrap) roles(ctx context.Context, tx pgx.Tx) error {
	if err := b.role(ctx, tx, b.event.Owner, false, 0); err != nil {
		return err
	}
	for _, login := range b.event.Logins {
		if err := b.role(ctx, tx, login.Name, true, login.ConnectionLimit); err != nil {
			return err
		}
	}
	return nil
}

func (b *bootstrap) role(ctx context.Context, tx pgx.Tx, name string, login bool, limit int) error {
	if limit == 0 {
		limit = -1 // PostgreSQL's word for none
	}
	attribute := map[bool]string{true: "LOGIN", false: "NOLOGIN"}[login]
	var found struct {
		login, inherit, createRole, createDB, super, replication, bypass bool
		limit                                                            int
	}
	err := tx.QueryRow(ctx, `SELECT rolcanlogin, rolinherit, rolcreaterole, rolcreatedb, rolsuper, rolreplication,
		rolbypassrls, rolconnlimit FROM pg_roles WHERE rolname = $1`, name).Scan(&found.login, &found.inherit,
		&found.createRole, &found.createDB, &found.super, &found.replication, &found.bypass, &found.limit)
	if errors.Is(err, pgx.ErrNoRows) {
		return b.do(ctx, tx, fmt.Sprintf("role %s: created with %s", name, attribute),
			fmt.Sprintf("CREATE ROLE %s %s CONNECTION LIMIT %d", quote(name), attribute, limit))
	}
	if err != nil {
		return fmt.Errorf("look role %s up: %w", name, err)
	}
	if found.super || found.replication || found.bypass {
		return fmt.Errorf("role %s has SUPERUSER, REPLICATION or BYPASSRLS, which the master cannot take away: drop the role "+
			"or choose another name", name)
	}
	var wrong []string
	for _, attribute := range []struct {
		ok   bool
		want string
	}{
		{found.login == login, attribute},
		{found.inherit, "INHERIT"},
		{!found.createRole, "NOCREATEROLE"},
		{!found.createDB, "NOCREATEDB"},
		{found.limit == limit, fmt.Sprintf("CONNECTION LIMIT %d", limit)},
	} {
		if !attribute.ok {
			wrong = append(wrong, attribute.want)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	attributes := strings.Join(wrong, " ")
	return b.do(ctx, tx, fmt.Sprintf("role %s: set to %s", name, attributes), "ALTER ROLE "+quote(name)+" "+attributes)
}

// iamRole is the role of RDS whose members log in with IAM tokens.
const iamRole = "rds_iam"

// memberships lets the master and the migrators act as the owner, and the IAM logins use IAM. Between the roles of the
// event no other membership stays.
func (b *bootstrap) memberships(ctx context.Context, tx pgx.Tx) error {
	managed := b.managedRoles()
	want := map[[2]string]bool{{b.event.Owner, b.master}: true}
	for _, login := range b.event.Logins {
		if login.Kind == event.KindMigrator {
			want[[2]string{b.event.Owner, login.Name}] = true
		}
		if login.IAM {
			want[[2]string{iamRole, login.Name}] = true
		}
	}
	rows, err := tx.Query(ctx, `SELECT DISTINCT granted.rolname::text, member.rolname::text
		FROM pg_auth_members m JOIN pg_roles granted ON granted.oid = m.roleid JOIN pg_roles member ON member.oid = m.member
		WHERE (member.rolname = ANY($1) OR granted.rolname = $2)
		AND (member.rolname <> $3 OR pg_has_role(member.oid, granted.oid, 'USAGE')) -- not the one for whoever made a role
		ORDER BY 1, 2`, managed, b.event.Owner, b.master)
	if err != nil {
		return fmt.Errorf("look memberships up: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m [2]string, err error) {
		return m, row.Scan(&m[0], &m[1])
	})
	if err != nil {
		return fmt.Errorf("look memberships up: %w", err)
	}
	for _, m := range found {
		granted, member := m[0], m[1]
		switch {
		case want[m]:
		case slices.Contains(managed, granted) && slices.Contains(managed, member), granted == iamRole:
			err := b.do(ctx, tx, fmt.Sprintf("role %s: no longer a member of %s", member, granted),
				"REVOKE "+quote(granted)+" FROM "+quote(member))
			if err != nil {
				return err
			}
		default:
			b.warn("role %s is a member of %s", member, granted)
		}
	}
	for _, m := range sortedPairs(want) {
		if !slices.Contains(found, m) {
			err := b.do(ctx, tx, fmt.Sprintf("role %s: made a member of %s", m[1], m[0]), "GRANT "+quote(m[0])+" TO "+quote(m[1]))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// createDatabase stands alone: PostgreSQL makes databases outside of transactions only.
func (b *bootstrap) createDatabase(ctx context.Context, conn *pgx.Conn) error {
	var exists bool
	err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", b.event.Database).Scan(&exists)
	if err != nil {
		return fmt.Errorf("look the database up: %w", err)
	}
	if exists {
		return nil
	}
	return b.do(ctx, conn, fmt.Sprintf("database %s: created", b.event.Database),
		"CREATE DATABASE "+quote(b.event.Database)+" OWNER "+quote(b.event.Owner))
}

// databaseOwner takes over a database that RDS made for the master.
func (b *bootstrap) databaseOwner(ctx context.Context, tx pgx.Tx) error {
	var owner string
	err := tx.QueryRow(ctx, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1", b.event.Database).Scan(&owner)
	if err != nil {
		return fmt.Errorf("look the database up: %w", err)
	}
	if owner == b.event.Owner {
		return nil
	}
	return b.do(ctx, tx, fmt.Sprintf("database %s: owner %s instead of %s", b.event.Database, b.event.Owner, owner),
		"ALTER DATABASE "+quote(b.event.Database)+" OWNER TO "+quote(b.event.Owner))
}

// databaseGrants lets the logins connect and nobody else: PostgreSQL lets everybody.
func (b *bootstrap) databaseGrants(ctx context.Context, tx pgx.Tx) error {
	want := grants{}
	for _, login := range b.event.Logins {
		want.add(login.Name, "CONNECT")
	}
	found, err := b.readGrants(ctx, tx, `SELECT datname::text,
			CASE grantee WHEN 0 THEN '' ELSE pg_get_userbyid(grantee) END::text, privilege_type, is_grantable
		FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE datname = $1`, b.event.Database)
	if err != nil {
		return err
	}
	return b.converge(ctx, tx, object{label: "database " + b.event.Database, on: "DATABASE " + quote(b.event.Database)},
		found[b.event.Database], want)
}

// settings are what a login's session in this database starts with.
func (b *bootstrap) settings(ctx context.Context, tx pgx.Tx) error {
	for _, login := range b.event.Logins {
		name, value := setting(login, b.event.Owner)
		var wanted string
		var matches bool
		err := tx.QueryRow(ctx, `WITH wanted AS (SELECT $3 || '=' || string_agg(CASE WHEN $3 = 'search_path'
				THEN quote_ident(item) ELSE item END, ', ' ORDER BY n) AS line FROM unnest($4::text[]) WITH ORDINALITY u(item, n))
			SELECT line, EXISTS (SELECT FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
				JOIN pg_roles r ON r.oid = s.setrole
				WHERE d.datname = $1 AND r.rolname = $2 AND line = ANY(s.setconfig)) FROM wanted`,
			b.event.Database, login.Name, name, value).Scan(&wanted, &matches)
		if err != nil {
			return fmt.Errorf("look the settings of role %s up: %w", login.Name, err)
		}
		if matches {
			continue
		}
		err = b.do(ctx, tx, fmt.Sprintf("role %s: sessions start with %s", login.Name, wanted),
			fmt.Sprintf("ALTER ROLE %s IN DATABASE %s SET %s = %s", quote(login.Name), quote(b.event.Database), name,
				quoteAll(value)))
		if err != nil {
			return err
		}
	}
	return nil
}

// setting returns the one setting of a login and the items of its value.
func setting(login event.Login, owner string) (name string, value []string) {
	switch login.Kind {
	case event.KindMigrator:
		return "role", []string{owner}
	case event.KindReadOnly:
		return "default_transaction_read_only", []string{"on"}
	default:
		// public comes last: extensions' functions are found there, and nobody but the owner can put anything into it.
		return "search_path", append(append([]string{login.Schema}, login.Reads...), "public")
	}
}
