// Package secret reads and writes the value of a database login's secret: the JSON object that AWS's own tools and RDS
// Proxy read too.
//
//	{"engine": "postgres", "host": "….eu-central-1.rds.amazonaws.com", "port": 5432, "dbname": "batbern",
//	 "username": "event_management_service", "password": "…", "masterarn": "arn:aws:secretsmanager:…"}
//
// Reference: "JSON structure of AWS Secrets Manager secrets" in the Secrets Manager user guide.
package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	engine          = "postgres"
	defaultPort     = 5432
	defaultDatabase = "postgres"

	// maxNameBytes is PostgreSQL's limit for names. The server cuts longer ones off with no more than a notice.
	maxNameBytes = 63
)

// host is a DNS name or an address. The driver would take a slash as a socket's folder and a comma as a list.
var host = regexp.MustCompile(`^[A-Za-z0-9_.:-]+$`)

// Secret is a parsed value. Its faults are reported without the values found: any of them could be a misplaced password.
type Secret struct {
	Host      string // the DB instance's endpoint, never the proxy's
	Port      uint16
	Database  string
	Username  string
	Password  string // empty in a first version: the first rotation makes the password
	MasterARN string // the secret whose login sets this login's password when its own cannot; may be empty
	// InstanceID says that the login is the master of this RDS instance, whose password RDS itself can set; else empty.
	InstanceID string

	fields map[string]json.RawMessage
}

// Parse reads the value of a login's secret. engine, host and username are compulsory; port is a number or a numeric
// string, 5432 without one; dbname is "postgres" without one. The password may be absent only where masterarn or, for a
// master, dbInstanceIdentifier names who can set one. All faults are reported together.
func Parse(value string) (Secret, error) {
	r, err := newReader(value)
	if err != nil {
		return Secret{}, err
	}
	r.compulsory("engine", "host", "username")
	s := r.read()
	if found := r.text("engine"); found != "" && found != engine {
		r.fault("engine must be %q", engine)
	}
	if s.Password == "" && s.MasterARN == "" && s.InstanceID == "" {
		r.fault("password is missing, and no masterarn or dbInstanceIdentifier says who could set one")
	}
	return s, r.err()
}

// ParseMaster reads the value of the master's secret. username and password are compulsory; RDS's own secrets hold
// nothing else. Host is empty and Port 0 where the value does not say them.
func ParseMaster(value string) (Secret, error) {
	r, err := newReader(value)
	if err != nil {
		return Secret{}, err
	}
	r.compulsory("username", "password")
	s := r.read()
	if _, given := r.fields["port"]; !given {
		s.Port = 0
	}
	return s, r.err()
}

// WithPassword returns the value with another password. Every other key keeps its value and JSON type, known or not.
func (s Secret) WithPassword(password string) (string, error) {
	return s.with(map[string]any{"password": password})
}

// WithLogin returns the value for another login. The password, if there is one, and every unknown key stay. The zero
// Secret makes a first value, which has no password.
func (s Secret) WithLogin(login Secret) (string, error) {
	changes := map[string]any{
		"engine": engine, "host": login.Host, "port": login.Port, "dbname": login.Database, "username": login.Username,
	}
	if login.MasterARN != "" {
		changes["masterarn"] = login.MasterARN
	}
	if login.InstanceID != "" {
		changes["dbInstanceIdentifier"] = login.InstanceID
	}
	return s.with(changes)
}

func (s Secret) with(changes map[string]any) (string, error) {
	fields := make(map[string]any, len(s.fields)+len(changes))
	for key, raw := range s.fields {
		fields[key] = raw
	}
	maps.Copy(fields, changes)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // an operator who copies the password from the console shall see it as it is
	if err := encoder.Encode(fields); err != nil {
		return "", errors.New("cannot encode the secret value")
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// SameLogin says in which key two values name different logins, so that no password is ever sent to another server or
// set for another user than the current value's.
func (s Secret) SameLogin(other Secret) error {
	var differing []string
	for _, key := range []struct {
		name string
		same bool
	}{
		{"username", s.Username == other.Username},
		{"host", strings.EqualFold(s.Host, other.Host)},
		{"port", s.Port == other.Port},
		{"dbname", s.Database == other.Database},
		{"masterarn", s.MasterARN == other.MasterARN},
		{"dbInstanceIdentifier", s.InstanceID == other.InstanceID},
	} {
		if !key.same {
			differing = append(differing, key.name)
		}
	}
	if len(differing) > 0 {
		return fmt.Errorf("another login: different %s", strings.Join(differing, ", "))
	}
	return nil
}

type reader struct {
	fields map[string]json.RawMessage
	faults []error
}

// newReader reads the object by hand, because encoding/json takes the last of two equal keys and another reader of the
// same value may take the first.
func newReader(value string) (*reader, error) {
	notAnObject := errors.New("secret value: not a JSON object")
	if !utf8.ValidString(value) {
		return nil, notAnObject
	}
	decoder := json.NewDecoder(strings.NewReader(value))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, notAnObject
	}
	r := &reader{fields: map[string]json.RawMessage{}}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, notAnObject
		}
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return nil, notAnObject
		}
		name := key.(string) // a key of an object is always a string
		if _, twice := r.fields[name]; twice {
			return nil, errors.New("secret value: a key stands in it twice")
		}
		r.fields[name] = raw
	}
	if _, err := decoder.Token(); err != nil {
		return nil, notAnObject
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, notAnObject
	}
	return r, nil
}

func (r *reader) compulsory(keys ...string) {
	for _, key := range keys {
		if raw, given := r.fields[key]; !given || string(raw) == `""` {
			r.fault("%s is missing", key)
		}
	}
}

func (r *reader) read() Secret {
	s := Secret{
		Host:       r.text("host"),
		Port:       r.port(),
		Database:   r.text("dbname"),
		Username:   r.text("username"),
		Password:   r.text("password"),
		MasterARN:  r.text("masterarn"),
		InstanceID: r.text("dbInstanceIdentifier"),
		fields:     r.fields,
	}
	if s.Host != "" && !host.MatchString(s.Host) {
		r.fault("host must be one DNS name or address")
	}
	if s.Database == "" {
		s.Database = defaultDatabase
	}
	for key, name := range map[string]string{"username": s.Username, "dbname": s.Database} {
		if len(name) > maxNameBytes {
			r.fault("%s must be at most %d bytes", key, maxNameBytes)
		}
	}
	return s
}

// text returns a key's string, and "" where it is absent. A zero byte would end the string early in PostgreSQL's
// protocol and let the rest pass as something else.
func (r *reader) text(key string) string {
	raw, given := r.fields[key]
	if !given {
		return ""
	}
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		r.fault("%s must be a string", key)
		return ""
	}
	if strings.ContainsRune(*text, 0) {
		r.fault("%s must not hold a zero byte", key)
		return ""
	}
	return *text
}

func (r *reader) port() uint16 {
	raw, given := r.fields["port"]
	if !given {
		return defaultPort
	}
	digits := string(raw)
	var quoted string
	if err := json.Unmarshal(raw, &quoted); err == nil && quoted != "" {
		digits = quoted
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || port == 0 {
		r.fault("port must be a number from 1 to 65535")
	}
	return uint16(port)
}

func (r *reader) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf("secret value: "+format, args...))
}

func (r *reader) err() error { return errors.Join(r.faults...) }
