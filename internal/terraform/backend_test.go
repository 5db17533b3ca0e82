package terraform

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/stacks"
)

func TestForgetBackends(t *testing.T) {
	const (
		emulator = `{"local": {"path": "../../../.local/state/terraform.batbern-dev.tfstate"}}`
		files    = `{"local": {"path": "../../../terraform.batbern-dev.tfstate"}}`
		bucket   = `{"s3": {"bucket": "batbern-state", "key": "batbern-dev/terraform.tfstate"}}`
	)
	record := map[string]string{
		emulator: `{"type": "local", "config": {"path": "../../../.local/state/terraform.batbern-dev.tfstate"}}`,
		files:    `{"type": "local", "config": {"path": "../../../terraform.batbern-dev.tfstate"}}`,
		bucket:   `{"type": "s3", "config": {"bucket": "batbern-state"}}`,
	}
	for _, c := range []struct {
		before, after string
		forgotten     bool
	}{
		{emulator, files, true},
		{emulator, bucket, true},
		{files, emulator, true},
		{bucket, emulator, true},
		{emulator, emulator, false},
		{files, files, false},
		{files, bucket, false},
		{bucket, files, false},
	} {
		folder := t.TempDir()
		stack := filepath.Join(folder, "stacks", "batbern-dev")
		path := filepath.Join(stack, filepath.FromSlash(initialized))
		if err := errors.Join(
			os.MkdirAll(filepath.Dir(path), 0o700),
			os.WriteFile(path, fmt.Appendf(nil, `{"version": 3, "backend": %s}`, record[c.before]), 0o600),
			os.WriteFile(filepath.Join(stack, "cdk.tf.json"),
				fmt.Appendf(nil, `{"terraform": {"backend": %s}}`, c.after), 0o600),
			ForgetBackends(folder, stacks.EmulatorState),
		); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) != c.forgotten {
			t.Errorf("from %s to %s: forgotten must be %v; %v", c.before, c.after, c.forgotten, err)
		}
	}
}

// A record of a stack that is no longer synthesized is left alone, and a damaged one is named.
func TestForgetBackendsOfDamagedFolders(t *testing.T) {
	folder := t.TempDir()
	stack := filepath.Join(folder, "stacks", "batbern-test")
	path := filepath.Join(stack, filepath.FromSlash(initialized))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(`{`), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := ForgetBackends(folder, stacks.EmulatorState); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(stack, "cdk.tf.json"), []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ForgetBackends(folder, stacks.EmulatorState); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a damaged record: %v", err)
	}
}
