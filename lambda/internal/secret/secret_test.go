package secret

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"
)

const full = `{"engine":"postgres","host":"db.example.com","port":5433,"dbname":"batbern","username":"svc",
	"password":"p<w>&\"1","masterarn":"arn:aws:secretsmanager:eu-central-1:123456789012:secret:m","extra":[1,{"a":null}]}`

func TestParse(t *testing.T) {
	s, err := Parse(full)
	if err != nil {
		t.Fatal(err)
	}
	s.fields = nil
	want := Secret{Host: "db.example.com", Port: 5433, Database: "batbern", Username: "svc", Password: `p<w>&"1`,
		MasterARN: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:m"}
	if s.SameLogin(want) != nil || s.Password != want.Password {
		t.Errorf("got %+v", s)
	}

	t.Run("defaults", func(t *testing.T) {
		s, err := Parse(`{"engine":"postgres","host":"h","username":"u","password":"p"}`)
		if err != nil || s.Port != 5432 || s.Database != "postgres" {
			t.Errorf("got %+v, %v", s, err)
		}
	})
	t.Run("a port may be a string", func(t *testing.T) {
		s, err := Parse(`{"engine":"postgres","host":"h","port":"6432","username":"u","password":"p"}`)
		if err != nil || s.Port != 6432 {
			t.Errorf("got %+v, %v", s, err)
		}
	})
	t.Run("the password may wait for the master", func(t *testing.T) {
		s, err := Parse(`{"engine":"postgres","host":"h","username":"u","masterarn":"arn"}`)
		if err != nil || s.Password != "" {
			t.Errorf("got %+v, %v", s, err)
		}
	})
	t.Run("a master's password may wait for RDS", func(t *testing.T) {
		s, err := Parse(`{"engine":"postgres","host":"h","username":"u","dbInstanceIdentifier":"batbern-prod-postgres"}`)
		if err != nil || s.Password != "" || s.InstanceID != "batbern-prod-postgres" {
			t.Errorf("got %+v, %v", s, err)
		}
		value, err := s.WithLogin(Secret{Host: "other", Port: 5433, Database: "batbern", Username: "u", InstanceID: "batbern-prod-other"})
		if err != nil {
			t.Fatal(err)
		}
		moved, err := Parse(value)
		if err != nil || moved.InstanceID != "batbern-prod-other" {
			t.Errorf("got %s, %v", value, err)
		}
		if fault := moved.SameLogin(s); fault == nil || !strings.Contains(fault.Error(), "dbInstanceIdentifier") {
			t.Errorf("two instances pass for one: %v", fault)
		}
	})
}

func TestParseReportsAllFaultsWithoutAnyValue(t *testing.T) {
	_, err := Parse(`{"engine":"hunter2","host":"hunter2/","port":"hunter2","dbname":7,"username":null,"password":["hunter2"]}`)
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"engine must be", "host must be", "port must be", "dbname must be", "username must be", "password must be"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error holds a value: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, value := range map[string]string{
		"nothing":             ``,
		"another JSON type":   `["engine"]`,
		"null":                `null`,
		"half an object":      `{"engine":"postgres"`,
		"half a key":          `{"eng`,
		"half a value":        `{"engine":"post`,
		"two objects":         `{} {}`,
		"a key twice":         `{"engine":"postgres","host":"h","username":"u","username":"v","password":"p"}`,
		"invalid UTF-8":       "{\"engine\":\"postgres\",\"host\":\"h\",\"username\":\"\xff\",\"password\":\"p\"}",
		"port zero":           `{"engine":"postgres","host":"h","port":0,"username":"u","password":"p"}`,
		"port too high":       `{"engine":"postgres","host":"h","port":65536,"username":"u","password":"p"}`,
		"port with fraction":  `{"engine":"postgres","host":"h","port":5432.5,"username":"u","password":"p"}`,
		"a socket for a host": `{"engine":"postgres","host":"/var/run","username":"u","password":"p"}`,
		"a list of hosts":     `{"engine":"postgres","host":"a,b","username":"u","password":"p"}`,
		"zero byte in a name": `{"engine":"postgres","host":"h","username":"u\u0000database\u0000x","password":"p"}`,
		"long user name":      `{"engine":"postgres","host":"h","username":"` + strings.Repeat("é", 32) + `","password":"p"}`,
		"empty password":      `{"engine":"postgres","host":"h","username":"u","password":""}`,
	} {
		if _, err := Parse(value); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestParseMaster(t *testing.T) {
	managed, err := ParseMaster(`{"username":"m","password":"p"}`) // as RDS writes it
	if err != nil || managed.Host != "" || managed.Port != 0 || managed.Username != "m" || managed.Password != "p" {
		t.Errorf("got %+v, %v", managed, err)
	}
	own, err := ParseMaster(`{"username":"m","password":"p","host":"h","port":1}`)
	if err != nil || own.Host != "h" || own.Port != 1 {
		t.Errorf("got %+v, %v", own, err)
	}
	for _, value := range []string{`{"username":"m"}`, `{"password":"p"}`, `{`, `{"username":"m","password":""}`} {
		if _, err := ParseMaster(value); err == nil {
			t.Errorf("%s: no error", value)
		}
	}
}

func TestWithLogin(t *testing.T) {
	login := Secret{Host: "h", Port: 6432, Database: "d", Username: "u", MasterARN: "arn"}
	value, err := Secret{}.WithLogin(login)
	if err != nil {
		t.Fatal(err)
	}
	first, err := Parse(value)
	if err != nil || first.SameLogin(login) != nil || first.Password != "" || strings.Contains(value, "password") {
		t.Errorf("got %s, %v", value, err)
	}
	before, err := Parse(full)
	if err != nil {
		t.Fatal(err)
	}
	if value, err = before.WithLogin(login); err != nil {
		t.Fatal(err)
	}
	after, err := Parse(value)
	if err != nil || after.SameLogin(login) != nil || after.Password != before.Password || !strings.Contains(value, `"extra":[1,{"a":null}]`) {
		t.Errorf("got %s, %v", value, err)
	}
}

func TestSameLogin(t *testing.T) {
	base := Secret{Host: "Db.example.com", Port: 1, Database: "d", Username: "u", MasterARN: "m", Password: "one"}
	same := base
	same.Host, same.Password = "dB.Example.com", "two"
	if err := base.SameLogin(same); err != nil {
		t.Error(err)
	}
	other := Secret{Host: "x", Port: 2, Database: "y", Username: "z", MasterARN: "n"}
	err := base.SameLogin(other)
	if err == nil || err.Error() != "another login: different username, host, port, dbname, masterarn" {
		t.Errorf("got %v", err)
	}
}

// FuzzParse: whatever the value, Parse returns; and what it takes survives a change of the password.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		full, `{}`, `{"password":1e999}`, `{"port":"\u0035432"}`, `{"engine":"postgres","host":"::1","username":"\ud800","password":"p"}`,
		`{"engine":"postgres","host":"h","username":"u","password":"p","n":1e400,"deep":[[[[{}]]]],"":""}`, "\ufeff{}", `{"a":1}x`,
		`{"engine":"postgres","host":"h","username":"u","masterarn":"a","password":""}`,
	} {
		f.Add(seed, "new password")
	}
	f.Fuzz(func(t *testing.T, value, password string) {
		_, _ = ParseMaster(value)
		before, err := Parse(value)
		if err != nil {
			return
		}
		if password == "" || strings.ContainsRune(password, 0) || !utf8.ValidString(password) {
			password = "p"
		}
		changed, err := before.WithPassword(password)
		if err != nil {
			t.Fatal(err)
		}
		after, err := Parse(changed)
		if err != nil {
			t.Fatalf("what Parse took, it refuses with another password: %v", err)
		}
		if after.Password != password || before.SameLogin(after) != nil {
			t.Errorf("the login changed: %+v to %+v", before, after)
		}
		delete(before.fields, "password")
		delete(after.fields, "password")
		same := maps.EqualFunc(before.fields, after.fields, func(a, b json.RawMessage) bool { return compact(a) == compact(b) })
		if !same {
			t.Errorf("other keys changed: %s to %s", before.fields, after.fields)
		}
	})
}

// compact decodes and encodes, so that two spellings of one value are equal.
func compact(raw json.RawMessage) string {
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return "invalid: " + string(raw)
	}
	content, _ := json.Marshal(v)
	return string(content)
}
