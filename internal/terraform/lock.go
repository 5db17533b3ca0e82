package terraform

import (
	"bytes"
	_ "embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// lockFile is the name that Terraform reads its dependency lock from.
const lockFile = ".terraform.lock.hcl"

// lock is the checked-in dependency lock: version and checksums of the AWS provider. `make provider-lock` writes it.
//
//go:embed .terraform.lock.hcl
var lock []byte

// WriteLocks gives each stack in a synthesized folder the checked-in dependency lock, so that Terraform accepts only
// that build of the provider. A lock that Terraform has completed stays, if it is of the same version. On a platform
// that the checked-in lock does not cover, nothing is written: Terraform then makes its own lock from the signed
// checksums of the registry.
func WriteLocks(folder string) error {
	if !covers(lock, runtime.GOOS+"_"+runtime.GOARCH) {
		return nil
	}
	stacks, err := filepath.Glob(filepath.Join(folder, "stacks", "*"))
	if err != nil {
		return err
	}
	for _, stack := range stacks {
		path := filepath.Join(stack, lockFile)
		existing, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && bytes.Equal(version(existing), version(lock)) {
			continue
		}
		if err := os.WriteFile(path, lock, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// covers says whether Terraform accepts the provider's build for the platform with that lock. With a "zh:" checksum
// of every build, which the registry signs, it accepts all of them. Without those, the lock was made from a mirror
// that has linux_amd64 only. Terraform, "Dependency Lock File", section "New provider package checksums".
func covers(lock []byte, platform string) bool {
	return bytes.Contains(lock, []byte(`"zh:`)) || platform == "linux_amd64"
}

// version is the line of a lock that names the provider's version.
func version(lock []byte) []byte {
	for line := range bytes.Lines(lock) {
		if line = bytes.TrimSpace(line); bytes.HasPrefix(line, []byte("version")) {
			return line
		}
	}
	return nil
}
