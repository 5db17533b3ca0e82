package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The kinds of logins.
const (
	// KindService reads and writes the data of one schema, and reads those it lists.
	KindService = "service"
	// KindMigrator acts as the owner from the moment it logs in, so that the owner owns whatever it makes.
	KindMigrator = "migrator"
	// KindReadOnly reads every schema. It is for operators.
	KindReadOnly = "readonly"
)

// maxNameBytes is PostgreSQL's limit for names. The server cuts longer ones off with no more than a notice.
const maxNameBytes = 63

// Bootstrap is the input of the function database-bootstrap: what the database holds, or which passwords to wait for. It
// holds no password.
type Bootstrap struct {
	// AwaitPasswords are ARNs of secrets. An event that names them waits for their first rotation and does nothing else:
	// it stands by itself.
	AwaitPasswords []string `json:"awaitPasswords,omitempty"`
	// DescribeMaster has the secret of a master that RDS does not manage say who signs in where, so that its first rotation
	// can begin. Such an event stands by itself too.
	DescribeMaster *Master `json:"describeMaster,omitempty"`

	Host            string   `json:"host,omitempty"` // the DB instance's endpoint, never the proxy's
	Port            int      `json:"port,omitempty"`
	MasterSecretARN string   `json:"masterSecretArn,omitempty"`
	Database        string   `json:"database,omitempty"`
	Owner           string   `json:"owner,omitempty"` // the role that owns all objects; nobody logs in as it
	Schemas         []string `json:"schemas,omitempty"`
	Logins          []Login  `json:"logins,omitempty"`

	// Terraform is what aws_lambda_invocation adds with lifecycle_scope CRUD. On "delete" nothing is done.
	Terraform struct {
		Action string `json:"action"`
	} `json:"tf,omitzero"`
}

// Master is the master of an RDS instance.
type Master struct {
	Host       string `json:"host"`
	Port       int    `json:"port"`
	Database   string `json:"database"`
	Name       string `json:"name"`
	InstanceID string `json:"instanceId"`
	SecretARN  string `json:"secretArn"`
}

// Login is a role that may log in. It is made without a password: the rotation function sets one.
type Login struct {
	Name   string   `json:"name"`
	Kind   string   `json:"kind"`
	Schema string   `json:"schema,omitempty"` // a service's own schema
	Reads  []string `json:"reads,omitempty"`  // schemas that a service reads besides
	// IAM makes the login use IAM database authentication at the instance; its password then opens nothing any more. It
	// stays off for logins behind RDS Proxy, which signs in with the password whatever its own clients do.
	IAM bool `json:"iam,omitempty"`
	// SecretARN is the login's secret. One without a value gets the description of the login, from which the first rotation
	// makes the password; one that describes another login, as after a restore, is put right and keeps its password. Empty
	// for a login without a password.
	SecretARN string `json:"secretArn,omitempty"`
	// ConnectionLimit bounds the sessions of the login; 0 leaves them unbounded.
	ConnectionLimit int `json:"connectionLimit,omitempty"`
}

// UnmarshalJSON refuses unknown keys: a misspelt one would be a grant that silently is not made.
func (e *Bootstrap) UnmarshalJSON(content []byte) error {
	type plain Bootstrap
	var parsed struct {
		plain
		Terraform json.RawMessage `json:"tf"`
	}
	if err := strict(content, &parsed); err != nil {
		return err
	}
	*e = Bootstrap(parsed.plain)
	if len(parsed.Terraform) > 0 {
		if err := json.Unmarshal(parsed.Terraform, &e.Terraform); err != nil {
			return fmt.Errorf("event: tf: %w", err)
		}
	}
	return nil
}

// Purpose is what the event is for, in logs and errors.
func (e Bootstrap) Purpose() string {
	switch {
	case e.AwaitPasswords != nil:
		return "await first passwords"
	case e.DescribeMaster != nil:
		return "description of the master of " + e.DescribeMaster.InstanceID
	}
	return "bootstrap of database " + e.Database
}

// host is a DNS name or an address. The driver would take a slash as a socket's folder and a comma as a list.
var host = regexp.MustCompile(`^[A-Za-z0-9_.:-]+$`)

// Validate reports all faults of an event together.
func (e Bootstrap) Validate() error {
	v := &validator{}
	switch {
	case e.AwaitPasswords != nil:
		v.awaited(e)
		return errors.Join(v.faults...)
	case e.DescribeMaster != nil:
		v.master(e)
		return errors.Join(v.faults...)
	}
	v.check(host.MatchString(e.Host), "host", e.Host, "want the DB instance's endpoint")
	v.check(e.Port >= 1 && e.Port <= 65535, "port", e.Port, "want 1 to 65535")
	v.check(strings.HasPrefix(e.MasterSecretARN, "arn:"), "masterSecretArn", e.MasterSecretARN, "want the ARN of the master's secret")
	v.name("database", e.Database)
	v.name("owner", e.Owner)
	v.check(len(e.Schemas) > 0, "schemas", e.Schemas, "want at least one")
	for i, schema := range e.Schemas {
		path := fmt.Sprintf("schemas[%d]", i)
		v.name(path, schema)
		v.check(!slices.Contains(e.Schemas[:i], schema), path, schema, "is there twice")
	}
	roles := []string{e.Owner}
	for i, login := range e.Logins {
		path := fmt.Sprintf("logins[%d]", i)
		v.login(path, login, e.Schemas)
		v.check(!slices.Contains(roles, login.Name), path+".name", login.Name, "is there twice")
		roles = append(roles, login.Name)
	}
	return errors.Join(v.faults...)
}

// awaited checks an event that waits for passwords.
func (v *validator) awaited(e Bootstrap) {
	v.check(e.describesNothing() && e.DescribeMaster == nil, "awaitPasswords", len(e.AwaitPasswords), "want no other key beside it")
	v.check(len(e.AwaitPasswords) > 0, "awaitPasswords", e.AwaitPasswords, "want at least one")
	for i, arn := range e.AwaitPasswords {
		path := fmt.Sprintf("awaitPasswords[%d]", i)
		v.check(strings.HasPrefix(arn, "arn:"), path, arn, "want the ARN of a secret")
		v.check(!slices.Contains(e.AwaitPasswords[:i], arn), path, arn, "is there twice")
	}
}

// master checks an event that describes a master.
func (v *validator) master(e Bootstrap) {
	m := e.DescribeMaster
	v.check(e.describesNothing(), "describeMaster", m.InstanceID, "want no other key beside it")
	v.check(host.MatchString(m.Host), "describeMaster.host", m.Host, "want the DB instance's endpoint")
	v.check(m.Port >= 1 && m.Port <= 65535, "describeMaster.port", m.Port, "want 1 to 65535")
	v.name("describeMaster.database", m.Database)
	v.name("describeMaster.name", m.Name)
	v.check(m.InstanceID != "", "describeMaster.instanceId", m.InstanceID, "want the DB instance's identifier")
	v.check(strings.HasPrefix(m.SecretARN, "arn:"), "describeMaster.secretArn", m.SecretARN, "want the ARN of the master's secret")
}

// describesNothing says that the event has no database in it.
func (e Bootstrap) describesNothing() bool {
	return e.Host == "" && e.Port == 0 && e.MasterSecretARN == "" && e.Database == "" && e.Owner == "" && e.Schemas == nil && e.Logins == nil
}

// reserved are names that PostgreSQL uses itself for databases, schemas or in place of a role.
var reserved = []string{"postgres", "template0", "template1", "public", "information_schema", "none"}

type validator struct{ faults []error }

func (v *validator) check(ok bool, path string, found any, want string) {
	if !ok {
		v.faults = append(v.faults, fmt.Errorf("event: %s is %q: %s", path, fmt.Sprint(found), want))
	}
}

func (v *validator) name(path, name string) {
	switch {
	case name == "" || len(name) > maxNameBytes || strings.ContainsRune(name, 0):
		v.check(false, path, name, fmt.Sprintf("want 1 to %d bytes, none of them zero", maxNameBytes))
	case strings.HasPrefix(name, "pg_"), slices.Contains(reserved, name):
		v.check(false, path, name, "is PostgreSQL's own: choose another name")
	case strings.HasPrefix(name, "rds"):
		v.check(false, path, name, "is RDS's own: choose another name")
	}
}

func (v *validator) login(path string, l Login, schemas []string) {
	v.name(path+".name", l.Name)
	v.check(l.SecretARN == "" || strings.HasPrefix(l.SecretARN, "arn:"), path+".secretArn", l.SecretARN, "want an ARN or nothing")
	v.check(l.ConnectionLimit >= 0, path+".connectionLimit", l.ConnectionLimit, "want 0 (no limit) or more")
	switch l.Kind {
	case KindService:
		v.check(slices.Contains(schemas, l.Schema), path+".schema", l.Schema, "want one of schemas")
		for i, schema := range l.Reads {
			v.check(slices.Contains(schemas, schema), fmt.Sprintf("%s.reads[%d]", path, i), schema, "want one of schemas")
		}
	case KindMigrator, KindReadOnly:
		v.check(l.Schema == "" && len(l.Reads) == 0, path+".schema", l.Schema, "only a service names schemas")
	default:
		v.check(false, path+".kind", l.Kind, "want service, migrator or readonly")
	}
}
