package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/batbern/infrastructure/lambda/event"
)

// rights are what a login may do in one schema.
type rights struct{ schema, tables, sequences []string }

// rightsIn decides the grants of a login in a schema. A migrator needs none: it acts as the owner.
func rightsIn(login event.Login, schema string) rights {
	switch {
	case login.Kind == event.KindService && login.Schema == schema:
		return rights{
			schema:    []string{"USAGE"},
			tables:    []string{"SELECT", "INSERT", "UPDATE", "DELETE"},
			sequences: []string{"USAGE", "SELECT"},
		}
	case login.Kind == event.KindService && slices.Contains(login.Reads, schema):
		return rights{schema: []string{"USAGE"}, tables: []string{"SELECT"}}
	case login.Kind == event.KindReadOnly:
		return rights{schema: []string{"USAGE"}, tables: []string{"SELECT"}, sequences: []string{"SELECT"}}
	default:
		return rights{}
	}
}

// historyTable is where Flyway notes, in each schema, what it has applied. Whoever may read tables may read it; nobody
// but the owner may write it. A callback of the migrations takes away what the default privileges grant on it.
const historyTable = "flyway_schema_history"

func (b *bootstrap) wanted(schema string, pick func(rights) []string) grants {
	want := grants{}
	for _, login := range b.event.Logins {
		if privileges := pick(rightsIn(login, schema)); len(privileges) > 0 {
			want.add(login.Name, privileges...)
		}
	}
	return want
}

func ofSchema(r rights) []string    { return r.schema }
func ofTables(r rights) []string    { return r.tables }
func ofHistory(r rights) []string   { return slices.DeleteFunc(slices.Clone(r.tables), isNotSelect) }
func ofSequences(r rights) []string { return r.sequences }

func isNotSelect(privilege string) bool { return privilege != "SELECT" }

// database brings the schemas into order and what is and will be in them, all or nothing.
func (b *bootstrap) database(ctx context.Context, conn *pgx.Conn) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, step := range []func(context.Context, pgx.Tx) error{
			b.schemas, b.publicSchema, b.schemaGrants, b.relationGrants, b.defaultGrants,
		} {
			if err := step(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// schemas makes the schemas and gives them to the owner.
func (b *bootstrap) schemas(ctx context.Context, tx pgx.Tx) error {
	for _, schema := range b.event.Schemas {
		var owner string
		err := tx.QueryRow(ctx, "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = $1", schema).Scan(&owner)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			err = b.do(ctx, tx, fmt.Sprintf("schema %s: created", schema),
				"CREATE SCHEMA "+quote(schema)+" AUTHORIZATION "+quote(b.event.Owner))
		case err == nil && owner != b.event.Owner:
			err = b.do(ctx, tx, fmt.Sprintf("schema %s: owner %s instead of %s", schema, b.event.Owner, owner),
				"ALTER SCHEMA "+quote(schema)+" OWNER TO "+quote(b.event.Owner))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// publicSchema keeps everybody from making objects in public, as PostgreSQL 15 does for new databases. Whoever could
// would put functions in the way of others.
func (b *bootstrap) publicSchema(ctx context.Context, tx pgx.Tx) error {
	var open bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace, aclexplode(nspacl)
		WHERE nspname = 'public' AND grantee = 0 AND privilege_type = 'CREATE')`).Scan(&open)
	if err != nil {
		return fmt.Errorf("look schema public up: %w", err)
	}
	if !open {
		return nil
	}
	return b.do(ctx, tx, "schema public: revoked CREATE from PUBLIC", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
}

func (b *bootstrap) schemaGrants(ctx context.Context, tx pgx.Tx) error {
	found, err := b.readGrants(ctx, tx, `SELECT nspname::text,
			CASE grantee WHEN 0 THEN '' ELSE pg_get_userbyid(grantee) END::text, privilege_type, is_grantable
		FROM pg_namespace, aclexplode(nspacl) WHERE nspname = ANY($1)`, b.event.Schemas)
	if err != nil {
		return err
	}
	for _, schema := range b.event.Schemas {
		o := object{label: "schema " + schema, on: "SCHEMA " + quote(schema)}
		if err := b.converge(ctx, tx, o, found[schema], b.wanted(schema, ofSchema)); err != nil {
			return err
		}
	}
	return nil
}

// relation is a table, a view or a sequence.
type relation struct {
	Schema, Name, Owner string
	Quoted              string
	Sequence            bool
}

// relationGrants covers what migrations have made before this login or grant was described.
func (b *bootstrap) relationGrants(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `SELECT nspname::text AS schema, relname::text AS name,
			pg_get_userbyid(relowner)::text AS owner, format('%I.%I', nspname, relname) AS quoted,
			relkind = 'S' AS sequence
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE nspname = ANY($1) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY 1, 2`, b.event.Schemas)
	if err != nil {
		return fmt.Errorf("look tables up: %w", err)
	}
	relations, err := pgx.CollectRows(rows, pgx.RowToStructByName[relation])
	if err != nil {
		return fmt.Errorf("look tables up: %w", err)
	}
	found, err := b.readGrants(ctx, tx, `SELECT format('%I.%I', nspname, relname),
			CASE grantee WHEN 0 THEN '' ELSE pg_get_userbyid(grantee) END::text, privilege_type, is_grantable
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(relacl)
		WHERE nspname = ANY($1) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')`, b.event.Schemas)
	if err != nil {
		return err
	}
	for _, r := range relations {
		name := r.Schema + "." + r.Name
		if r.Owner != b.event.Owner {
			b.warn("%s belongs to %s: migrations must make objects as %s", name, r.Owner, b.event.Owner)
			continue
		}
		kind, pick := "TABLE", ofTables
		switch {
		case r.Sequence:
			kind, pick = "SEQUENCE", ofSequences
		case r.Name == historyTable:
			pick = ofHistory
		}
		o := object{label: "table " + name, on: kind + " " + r.Quoted}
		if r.Sequence {
			o.label = "sequence " + name
		}
		if err := b.converge(ctx, tx, o, found[r.Quoted], b.wanted(r.Schema, pick)); err != nil {
			return err
		}
	}
	return nil
}

// defaultGrants covers what migrations will make.
func (b *bootstrap) defaultGrants(ctx context.Context, tx pgx.Tx) error {
	for _, kind := range []struct {
		catalog, statement, label string
		pick                      func(rights) []string
	}{
		{"r", "TABLES", "new tables", ofTables},
		{"S", "SEQUENCES", "new sequences", ofSequences},
	} {
		found, err := b.readGrants(ctx, tx, `SELECT nspname::text,
				CASE grantee WHEN 0 THEN '' ELSE pg_get_userbyid(grantee) END::text, privilege_type, is_grantable
			FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(defaclacl)
			WHERE nspname = ANY($1) AND pg_get_userbyid(defaclrole) = $2 AND defaclobjtype = $3`,
			b.event.Schemas, b.event.Owner, kind.catalog)
		if err != nil {
			return err
		}
		for _, schema := range b.event.Schemas {
			o := object{
				label:  kind.label + " in schema " + schema,
				on:     kind.statement,
				prefix: "ALTER DEFAULT PRIVILEGES FOR ROLE " + quote(b.event.Owner) + " IN SCHEMA " + quote(schema) + " ",
			}
			if err := b.converge(ctx, tx, o, found[schema], b.wanted(schema, kind.pick)); err != nil {
				return err
			}
		}
	}
	return nil
}
