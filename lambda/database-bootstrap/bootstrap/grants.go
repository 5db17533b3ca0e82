package bootstrap

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// executor is a connection or a transaction.
type executor interface {
	Exec(ctx context.Context, statement string, arguments ...any) (pgconn.CommandTag, error)
}

// everybody stands for PUBLIC. No role can be named so.
const everybody = ""

// grantOption is added to a privilege that its holder may pass on. Nobody here may.
const grantOption = " WITH GRANT OPTION"

// grants are the privileges that each grantee has on one object.
type grants map[string]map[string]bool

func (g grants) add(grantee string, privileges ...string) {
	if g[grantee] == nil {
		g[grantee] = map[string]bool{}
	}
	for _, privilege := range privileges {
		g[grantee][privilege] = true
	}
}

// object is what privileges are granted on.
type object struct {
	label  string // for the report
	on     string // as GRANT names it, quoted
	prefix string // ALTER DEFAULT PRIVILEGES … for objects that do not exist yet
}

// readGrants collects the grants that a query finds. The query's columns are the object, the grantee's oid, the
// privilege and whether it may be passed on. Only the event's logins and PUBLIC count: what others hold is not ours.
func (b *bootstrap) readGrants(ctx context.Context, tx pgx.Tx, query string, arguments ...any) (map[string]grants, error) {
	rows, err := tx.Query(ctx, query, arguments...)
	if err != nil {
		return nil, fmt.Errorf("look grants up: %w", err)
	}
	logins := b.logins()
	found := map[string]grants{}
	var name, grantee, privilege string
	var grantable bool
	_, err = pgx.ForEachRow(rows, []any{&name, &grantee, &privilege, &grantable}, func() error {
		if grantee != everybody && !slices.Contains(logins, grantee) {
			return nil
		}
		if found[name] == nil {
			found[name] = grants{}
		}
		found[name].add(grantee, privilege)
		if grantable {
			found[name].add(grantee, privilege+grantOption)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look grants up: %w", err)
	}
	return found, nil
}

// converge grants what is wanted and missing, and revokes what is there and not wanted.
func (b *bootstrap) converge(ctx context.Context, tx pgx.Tx, o object, found, want grants) error {
	grantees := maps.Clone(found)
	if grantees == nil {
		grantees = grants{}
	}
	maps.Copy(grantees, want)
	for _, grantee := range slices.Sorted(maps.Keys(grantees)) {
		name, quoted := grantee, quote(grantee)
		if grantee == everybody {
			name, quoted = "PUBLIC", "PUBLIC"
		}
		if missing := without(want[grantee], found[grantee]); len(missing) > 0 {
			list := strings.Join(missing, ", ")
			err := b.do(ctx, tx, fmt.Sprintf("%s: granted %s to %s", o.label, list, name),
				fmt.Sprintf("%sGRANT %s ON %s TO %s", o.prefix, list, o.on, quoted))
			if err != nil {
				return err
			}
		}
		for _, excess := range without(found[grantee], want[grantee]) {
			what := excess
			if privilege, passedOn := strings.CutSuffix(excess, grantOption); passedOn {
				what = "GRANT OPTION FOR " + privilege
			}
			err := b.do(ctx, tx, fmt.Sprintf("%s: revoked %s from %s", o.label, what, name),
				fmt.Sprintf("%sREVOKE %s ON %s FROM %s CASCADE", o.prefix, what, o.on, quoted))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// without returns the sorted elements of a that b lacks.
func without(a, b map[string]bool) []string {
	var rest []string
	for element := range a {
		if !b[element] {
			rest = append(rest, element)
		}
	}
	slices.Sort(rest)
	return rest
}

func (b *bootstrap) logins() []string {
	names := make([]string, len(b.event.Logins))
	for i, login := range b.event.Logins {
		names[i] = login.Name
	}
	return names
}

func (b *bootstrap) managedRoles() []string { return append(b.logins(), b.event.Owner) }

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quote(name)
	}
	return strings.Join(quoted, ", ")
}

func sortedPairs(set map[[2]string]bool) [][2]string {
	return slices.SortedFunc(maps.Keys(set), func(a, b [2]string) int {
		return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
	})
}
