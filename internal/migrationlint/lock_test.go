package migrationlint

import (
	"errors"
	"strings"
	"testing"
)

func TestChecksumIsTheOneOfFlyway(t *testing.T) {
	// Flyway 12.11.0 stored these for the same files; flywaytest compares the project's own migrations with it.
	for content, want := range map[string]int32{
		"create schema event_management;\ncreate table t(a int);\nselect pg_sleep(1);\n": -736601536,
		"": 0,
	} {
		for _, same := range []string{
			content, strings.ReplaceAll(content, "\n", "\r\n"), strings.ReplaceAll(content, "\n", "\r"),
			"\uFEFF" + content, strings.TrimSuffix(content, "\n"),
		} {
			if got := Checksum(same); got != want {
				t.Errorf("checksum of %q is %d, want %d", same, got, want)
			}
		}
	}
	if Checksum("a b") == Checksum("ab") {
		t.Error("a change within a line does not show")
	}
}

func TestLockSurvivesWritingAndReading(t *testing.T) {
	files := tree(map[string]string{
		"b/V1__a.sql": "SELECT 1;", "a/V2__with_a_longer_name.sql": "SELECT 2;", "a/V1__c.sql": "SELECT 3;",
		"a/R__view.sql": "SELECT 4;", "a/beforeMigrate.sql": "SELECT 5;",
	})
	lock := Lock{}
	added, err := lock.Append(files)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(added, " "); got != "a/V1__c.sql a/V2__with_a_longer_name.sql b/V1__a.sql" {
		t.Errorf("added %s: versioned migrations only, in order", got)
	}
	var written strings.Builder
	if err := lock.Write(&written); err != nil {
		t.Fatal(err)
	}
	read, err := ParseLock(strings.NewReader(written.String()), "released.lock")
	if err != nil || len(read) != 3 {
		t.Fatalf("read %v, error %v", read, err)
	}
	for path, checksum := range lock {
		if read[path] != checksum {
			t.Errorf("%s: read %d, want %d", path, read[path], checksum)
		}
	}
	if again, err := read.Append(files); err != nil || len(again) != 0 {
		t.Errorf("a second append added %v, error %v", again, err)
	}
	if findings, err := Check(files, read, Target{}); err != nil || len(findings) != 0 {
		t.Errorf("found %v, error %v", findings, err)
	}
}

func TestParseLockRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for content, want := range map[string]string{
		"# comment\n\nx a/V1__a.sql": `released.lock:3: found "x a/V1__a.sql"`,
		"12":                         "expected <checksum> <path>",
		"99999999999 a/V1__a.sql":    "expected <checksum> <path>",
		"1 a\n2 a":                   "released.lock:2: a is there twice",
		strings.Repeat("x", 100_000): "read released.lock",
	} {
		if _, err := ParseLock(strings.NewReader(content), "released.lock"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestLockReportsAWriterThatFails(t *testing.T) {
	for _, room := range []int{0, len(lockHeader)} {
		if err := (Lock{"a/V1__a.sql": 1}).Write(&fullDisk{room: room}); !errors.Is(err, errFull) {
			t.Errorf("error %v", err)
		}
	}
}

var errFull = errors.New("no space left")

type fullDisk struct{ room int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) > d.room {
		return 0, errFull
	}
	d.room -= len(p)
	return len(p), nil
}
