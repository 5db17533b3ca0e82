package emulator

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/batbern/infrastructure/internal/mototest"
	"github.com/batbern/infrastructure/internal/testproc"
)

// The stand-ins answer boto3 as AWS does. A reset forgets what they kept.
func TestStandins(t *testing.T) {
	python := mototest.Python(t)
	program, err := filepath.Abs(filepath.Join("testdata", "standins.py"))
	if err != nil {
		t.Fatal(err)
	}
	root, err := testproc.RepositoryRoot()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	folder := t.TempDir()
	endpoint, err := Start(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Stop(folder); err != nil {
			t.Error(err)
		}
	})
	for range 2 {
		out, err := exec.CommandContext(t.Context(), python, program, endpoint).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		response, err := http.Post(endpoint+"/moto-api/reset", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
}
