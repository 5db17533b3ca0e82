package functionbuild

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// module makes a project with one function, and goes there.
func module(t *testing.T, source string) string {
	t.Helper()
	root := t.TempDir()
	for file, content := range map[string]string{
		"go.mod": "module example.test/project\n\ngo 1.24\n", "go.sum": "", "lambda/some-function/main.go": source,
	} {
		write(t, filepath.Join(root, file), content)
	}
	t.Chdir(root)
	return root
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

const sound = "package main\n\nfunc main() { println(\"hello\") }\n"

func mustBuild(t *testing.T) (Archive, []byte) {
	t.Helper()
	archive, err := build("some-function")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(archive.Path)
	if err != nil {
		t.Fatal(err)
	}
	return archive, content
}

func TestArchiveIsTheSameWhereverItIsBuilt(t *testing.T) {
	module(t, sound)
	first, a := mustBuild(t)
	module(t, sound)
	second, b := mustBuild(t)
	if !bytes.Equal(a, b) || first.Hash != second.Hash || filepath.Base(first.Path) != filepath.Base(second.Path) {
		t.Errorf("two folders, two archives: %v and %v", first, second)
	}
	if sum := sha256.Sum256(a); first.Hash != base64.StdEncoding.EncodeToString(sum[:]) {
		t.Errorf("the hash %s is not of the archive", first.Hash)
	}
	if first.Path == second.Path || !filepath.IsAbs(first.Path) {
		t.Errorf("the archives are at %s and %s", first.Path, second.Path)
	}
}

func TestArchiveHoldsOneProgramForLambda(t *testing.T) {
	module(t, sound)
	_, content := mustBuild(t)
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil || len(archive.File) != 1 {
		t.Fatalf("%v, %v", archive, err)
	}
	entry := archive.File[0]
	if entry.Name != "bootstrap" || entry.Mode() != 0o755 || entry.ModifiedTime != 0 || entry.ModifiedDate != 0 {
		t.Errorf("the archive holds %s, %v, of %v", entry.Name, entry.Mode(), entry.Modified)
	}
	opened, err := entry.Open()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := io.ReadAll(opened)
	if err != nil {
		t.Fatal(err)
	}
	program, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil || program.Machine != elf.EM_AARCH64 {
		t.Fatalf("no program for arm64: %v", err)
	}
	if libraries, err := program.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("it wants libraries of the system: %v, %v", libraries, err)
	}
	if here, _ := os.Getwd(); bytes.Contains(binary, []byte(here)) {
		t.Error("it names the folder that it was built in")
	}
}

func TestOnlyAChangeCompilesAgain(t *testing.T) {
	root := module(t, sound)
	first, _ := mustBuild(t)
	write(t, first.Path, "kept")
	for _, file := range []string{"lambda/some-function/main_test.go", "lambda/some-function/testdata/x.txt", "README.md"} {
		write(t, filepath.Join(root, file), "package main\n")
		if again, content := mustBuild(t); again.Path != first.Path || string(content) != "kept" {
			t.Errorf("%s, which is no part of the program, compiled it again", file)
		}
	}
	for _, file := range []string{"lambda/some-function/more.go", "lambda/internal/shared/shared.go", "lambda/some-function/embedded.pem", "go.sum", "go.mod"} {
		content := "package main\n"
		switch file {
		case "go.mod":
			content = "module example.test/project\n\ngo 1.24\n\nrequire example.test/other v1.0.0 // indirect\n"
		case "go.sum":
			content = "example.test/other v1.0.0/go.mod h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
		}
		write(t, filepath.Join(root, file), content)
		if again, _ := mustBuild(t); again.Path == first.Path {
			t.Errorf("%s changed, and the former archive is taken", file)
		} else {
			first = again
		}
	}
}

func TestFailuresSayTheirCause(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T)
		want    []string
	}{
		"no Go": {func(t *testing.T) {
			module(t, sound)
			t.Setenv("PATH", t.TempDir())
		}, []string{"function some-function cannot be built", "go command was not found", "https://go.dev/dl"}},
		"a mistake in the source": {func(t *testing.T) {
			module(t, "package main\n\nfunc main() { undefinedName() }\n")
		}, []string{"function some-function does not compile", "main.go:3:", "undefined: undefinedName"}},
		"no such function": {func(t *testing.T) {
			os.RemoveAll(filepath.Join(module(t, sound), "lambda", "some-function"))
		}, []string{"function some-function does not compile", "lambda/some-function"}},
		"outside of a project": {func(t *testing.T) {
			t.Chdir(t.TempDir())
		}, []string{"function some-function cannot be built", "no go.mod", "run this in the project's folder"}},
		"nowhere to keep it": {func(t *testing.T) {
			write(t, filepath.Join(module(t, sound), ".cache"), "a file in the folder's place")
		}, []string{"the archive of function some-function cannot be written", ".cache"}},
		"a Go that is too old for the project": {func(t *testing.T) {
			module(t, sound)
			fakeGo(t, `echo "go: go.mod requires go >= 1.24 (running go 1.20; GOTOOLCHAIN=local)" >&2; exit 1`)
		}, []string{"function some-function cannot be built", "go.mod requires go >= 1.24 (running go 1.20", "go.mod says which Go"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.prepare(t)
			archive, err := build("some-function")
			if err == nil {
				t.Fatalf("built %v", archive)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %v\nwant it to say %q", err, part)
				}
			}
		})
	}
}

// fakeGo puts a go command before the real one, which stands in $REAL.
func fakeGo(t *testing.T, script string) {
	t.Helper()
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "go"), []byte("#!/bin/sh\nREAL='"+real+"'\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// Another Go makes another binary: the former archive is not taken for it.
func TestAnotherGoCompilesAgain(t *testing.T) {
	module(t, sound)
	first, _ := mustBuild(t)
	fakeGo(t, `[ "$1" = env ] && echo go9.99 || exec "$REAL" "$@"`)
	if again, _ := mustBuild(t); again.Path == first.Path {
		t.Error("the archive of another Go is taken")
	}
}

// What is set on the machine, and a workspace around the project, have no part in the binary.
func TestSurroundingsHaveNoPartInTheArchive(t *testing.T) {
	module(t, sound)
	_, plain := mustBuild(t)
	root := module(t, sound)
	write(t, filepath.Join(filepath.Dir(root), "go.work"), "go 1.24\n")
	for name, value := range map[string]string{
		"GOARM64": "v9.0", "GOEXPERIMENT": "nogreenteagc", "GOFLAGS": "-tags=other", "GOOS": "windows", "GOARCH": "amd64", "CGO_ENABLED": "1",
		"GOWORK": filepath.Join(filepath.Dir(root), "go.work"),
	} {
		t.Setenv(name, value)
	}
	if _, set := mustBuild(t); !bytes.Equal(plain, set) {
		t.Error("the surroundings change the archive")
	}
}

// Several syntheses at once build the same archive, and leave it alone in its folder.
func TestSynthesesAtOnceDoNotDisturbEachOther(t *testing.T) {
	module(t, sound)
	var builds sync.WaitGroup
	archives, failures := make([]Archive, 4), make([]error, 4)
	for i := range archives {
		builds.Go(func() { archives[i], failures[i] = build("some-function") })
	}
	builds.Wait()
	if err := errors.Join(failures...); err != nil {
		t.Fatal(err)
	}
	for _, archive := range archives[1:] {
		if archive != archives[0] {
			t.Errorf("built %v and %v", archives[0], archive)
		}
	}
	content, err := os.ReadFile(archives[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(content); archives[0].Hash != base64.StdEncoding.EncodeToString(sum[:]) {
		t.Error("the archive is not what was built")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(archives[0].Path), ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A build that was broken off has left what nobody takes for an archive.
func TestBrokenOffBuildIsNotTaken(t *testing.T) {
	root := module(t, sound)
	first, whole := mustBuild(t)
	if err := os.Remove(first.Path); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, ".cache", "functions", ".writing-1"), string(whole[:len(whole)/2]))
	if again, content := mustBuild(t); again != first || !bytes.Equal(content, whole) {
		t.Errorf("built %v, then %v", first, again)
	}
}

// The project's own functions come out the same from a copy of it elsewhere, of which only what the cache's key is made of
// is there: go.mod, go.sum and the folder lambda.
func TestOurFunctionsComeFromWhatTheKeyIsMadeOf(t *testing.T) {
	here, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	if err := os.CopyFS(filepath.Join(elsewhere, "lambda"), os.DirFS(filepath.Join(here, "lambda"))); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(here, file))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(elsewhere, file), string(content))
	}
	for _, name := range Names() {
		t.Chdir(here)
		one, err := build(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Chdir(elsewhere)
		other, err := build(name)
		if err != nil {
			t.Fatal(err)
		}
		if one.Hash != other.Hash || filepath.Base(one.Path) != filepath.Base(other.Path) || one.Path == other.Path {
			t.Errorf("%s: built %v here and %v elsewhere", name, one, other)
		}
	}
}

// Every command under lambda is a function that can be built by its name.
func TestNamesAreTheFolders(t *testing.T) {
	found, err := filepath.Glob("../../lambda/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, file := range found {
		folders = append(folders, filepath.Base(filepath.Dir(file)))
	}
	if !slices.Equal(Names(), folders) {
		t.Errorf("functions %v, folders %v", Names(), folders)
	}
}

func TestPackedFilesAreTheSameWheneverPacked(t *testing.T) {
	var archives [][]byte
	for range 2 {
		module(t, sound)
		archive, err := Pack("script", map[string]string{"b.js": "2", "a.js": "1"})
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(archive.Path)
		if err != nil {
			t.Fatal(err)
		}
		archives = append(archives, content)
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("two packings, two archives")
	}
	t.Chdir(t.TempDir())
	if _, err := Pack("script", nil); err == nil || !strings.Contains(err.Error(), "no go.mod") {
		t.Errorf("outside of a project: %v", err)
	}
}
