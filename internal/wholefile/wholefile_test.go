package wholefile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestWriteMakesTheFolderAndReplaces(t *testing.T) {
	file := filepath.Join(t.TempDir(), "some", "folder", "file")
	for _, content := range []string{"first, which is longer", "second"} {
		if err := Write(file, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if found, err := os.ReadFile(file); err != nil || string(found) != content {
			t.Errorf("found %q, %v", found, err)
		}
	}
	alone(t, file)
}

// Whoever reads while others write finds a whole text of one of them.
func TestNobodyReadsHalfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	var writers sync.WaitGroup
	for letter := range 4 {
		writers.Go(func() {
			for range 50 {
				if err := Write(file, bytes.Repeat([]byte{'a' + byte(letter)}, 100_000)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		found, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue // nobody has written yet
		}
		if err != nil || len(found) != 100_000 || !bytes.Equal(found, bytes.Repeat(found[:1], len(found))) {
			t.Fatalf("found %d bytes, %v", len(found), err)
		}
	}
	alone(t, file)
}

func TestFailureLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	occupied := filepath.Join(folder, "occupied")
	if err := os.MkdirAll(filepath.Join(occupied, "inside"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Write(occupied, []byte("x")); err == nil {
		t.Error("a folder was replaced by a file")
	}
	alone(t, occupied)
	plain := filepath.Join(folder, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(plain, "file"), []byte("x")); err == nil {
		t.Error("wrote below a file")
	}
}

func alone(t *testing.T, file string) {
	t.Helper()
	if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 || left[0].Name() != filepath.Base(file) {
		t.Errorf("beside %s there is %s", file, fmt.Sprint(left))
	}
}
