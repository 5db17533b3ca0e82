// Package functionbuild compiles the Lambda functions: Linux on arm64, in an archive that two builds of the same sources
// by the same Go make byte for byte the same. Archives are kept in .cache/functions under a hash of what they were made
// from, so that only a change compiles again.
package functionbuild

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/google/renameio/v2/maybe"
)

// Archive is a built function.
type Archive struct {
	// Path of the zip file, absolute.
	Path string
	// Hash is the SHA-256 of its bytes in base64, as Lambda's source_code_hash wants it.
	Hash string
}

// The names of the functions: folders under lambda.
var functions = []string{"database-bootstrap", "migration-runner", "secret-rotation", "secret-watch"}

// Names are all functions.
func Names() []string { return slices.Clone(functions) }

// built remembers the process's archives: a test builds stacks many times.
var built sync.Map // name -> func() (Archive, error)

// Build gives the archive of the function lambda/NAME of the module that the working directory is in. It is safe for
// goroutines; a function is built once a process.
//
// It fails where there is no Go toolchain, and where the function does not compile, with the compiler's words.
func Build(name string) (Archive, error) {
	once, _ := built.LoadOrStore(name, sync.OnceValues(func() (Archive, error) { return build(name) }))
	return once.(func() (Archive, error))()
}

func build(name string) (Archive, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return Archive{}, fmt.Errorf("function %s cannot be built: the go command was not found; install Go from https://go.dev/dl", name)
	}
	root, err := moduleRoot()
	if err != nil {
		return Archive{}, fmt.Errorf("function %s cannot be built: %w", name, err)
	}
	key, err := sourcesHash(root, name)
	if err != nil {
		return Archive{}, fmt.Errorf("function %s cannot be built: %w", name, err)
	}
	file := archivePath(root, name, key)
	archive, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if archive, err = compile(root, name); err != nil {
			return Archive{}, err
		}
		err = writeArchive(file, archive)
	}
	if err != nil {
		return Archive{}, fmt.Errorf("the archive of function %s cannot be written: %w", name, err)
	}
	return newArchive(file, archive), nil
}

// archivePath is where an archive is cached. The key is a hash of what the archive is built from.
func archivePath(root, name, key string) string {
	return filepath.Join(root, ".cache", "functions", name+"-"+key+".zip")
}

// writeArchive replaces the file atomically, because another synthesis may read it at any moment.
func writeArchive(file string, archive []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return maybe.WriteFile(file, archive, 0o600)
}

func newArchive(file string, archive []byte) Archive {
	sum := sha256.Sum256(archive)
	return Archive{Path: file, Hash: base64.StdEncoding.EncodeToString(sum[:])}
}

// moduleRoot is the nearest folder above the working directory that holds go.mod.
func moduleRoot() (string, error) {
	folder, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(folder, "go.mod")); missing == nil {
			return folder, nil
		}
		if parent := filepath.Dir(folder); parent != folder {
			folder = parent
			continue
		}
		err = errors.New("no go.mod above the working directory: run this in the project's folder")
	}
	return "", err
}

// flags and settings make the binary the same on every machine: no folder, user or revision stands in it, and nothing
// that is set where it is built, or in a workspace around it, has a part in it.
var (
	flags    = []string{"-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w"}
	settings = []string{"GOOS=linux", "GOARCH=arm64", "GOARM64=v8.0", "CGO_ENABLED=0", "GOEXPERIMENT=", "GOFLAGS=-mod=readonly", "GOWORK=off"}
)

// goCommand runs the Go that the module at root asks for.
func goCommand(root string, args ...string) *exec.Cmd {
	command := exec.Command("go", args...)
	command.Dir = root
	command.Env = append(os.Environ(), settings...)
	return command
}

// sourcesHash is of all that decides the binary: the functions' sources and what they embed, the versions of the
// modules and of Go, and how it is built.
func sourcesHash(root, name string) (string, error) {
	sum := sha256.New()
	version, err := goCommand(root, "env", "GOVERSION").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOVERSION: %w%s: go.mod says which Go the project needs", err, said(err))
	}
	fmt.Fprintf(sum, "%s %s %q %q", name, version, flags, settings)
	add := func(file string) error {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, file)
		fmt.Fprintf(sum, "\n%s %d\n", filepath.ToSlash(relative), len(content))
		sum.Write(content)
		return err
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		if err := add(filepath.Join(root, file)); err != nil {
			return "", err
		}
	}
	// WalkDir goes in lexical order
	err = filepath.WalkDir(filepath.Join(root, "lambda"), func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "testdata":
			return fs.SkipDir
		case entry.IsDir() || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		return add(file)
	})
	return hex.EncodeToString(sum.Sum(nil)[:12]), err
}

// said is what a command that failed wrote to its standard error.
func said(err error) string {
	var failed *exec.ExitError
	if errors.As(err, &failed) && len(failed.Stderr) > 0 {
		return ": " + strings.TrimSpace(string(failed.Stderr))
	}
	return ""
}

func compile(root, name string) ([]byte, error) {
	folder, err := os.MkdirTemp("", "batbern-function-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	binary := filepath.Join(folder, "bootstrap")
	command := goCommand(root, slices.Concat([]string{"build"}, flags, []string{"-o", binary, "./lambda/" + name})...)
	if text, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("function %s does not compile: %w\n%s", name, err, text)
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	return Zip(content)
}

// Zip is the archive that Lambda's provided runtimes want: one executable file named bootstrap. No time and no user
// stands in it.
func Zip(binary []byte) ([]byte, error) {
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	header.SetMode(0o755)
	entry, err := writer.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(entry, bytes.NewReader(binary)); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}
