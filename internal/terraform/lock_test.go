package terraform

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/batbern/infrastructure/stacks"
)

func TestTheLockIsOfTheRequiredProvider(t *testing.T) {
	want := `version     = "` + stacks.ProviderVersion + `"`
	if got := string(version(lock)); got != want {
		t.Errorf("the lock has %s, the stacks require %s: run make provider-lock", got, want)
	}
	if !bytes.Contains(lock, []byte(`provider "registry.terraform.io/hashicorp/aws"`)) || !bytes.Contains(lock, []byte(`"h1:`)) {
		t.Errorf("the lock has no checksum of hashicorp/aws:\n%s", lock)
	}
}

// A lock with the checksum of one platform would make terraform init fail on all others.
func TestALockOfOnePlatformIsWrittenThereOnly(t *testing.T) {
	single := []byte("version = \"1\"\nhashes = [\n\"h1:x=\",\n]")
	all := []byte("version = \"1\"\nhashes = [\n\"h1:x=\",\n\"zh:y\",\n]")
	for _, platform := range []string{"linux_arm64", "darwin_amd64", "darwin_arm64", "windows_amd64"} {
		if covers(single, platform) {
			t.Errorf("the checksum of linux_amd64 is used on %s", platform)
		}
		if !covers(all, platform) {
			t.Errorf("the signed checksums are not used on %s", platform)
		}
	}
	if !covers(single, "linux_amd64") {
		t.Error("the checksum of linux_amd64 is not used there")
	}
}

func TestWriteLocks(t *testing.T) {
	if !covers(lock, runtime.GOOS+"_"+runtime.GOARCH) {
		t.Skip("the checked-in lock does not cover this platform: run make provider-lock")
	}
	folder := t.TempDir()
	for stack, existing := range map[string]string{"new": "", "old": `version = "5.99.1"`, "completed": ""} {
		path := filepath.Join(folder, "stacks", stack, lockFile)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if existing != "" {
			if err := os.WriteFile(path, []byte(existing), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Terraform adds checksums to a lock
	completed := append(bytes.Clone(lock), "# completed"...)
	if err := os.WriteFile(filepath.Join(folder, "stacks", "completed", lockFile), completed, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteLocks(folder); err != nil {
		t.Fatal(err)
	}
	for stack, want := range map[string][]byte{"new": lock, "old": lock, "completed": completed} {
		if got, err := os.ReadFile(filepath.Join(folder, "stacks", stack, lockFile)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v\n%s", stack, err, got)
		}
	}
}
