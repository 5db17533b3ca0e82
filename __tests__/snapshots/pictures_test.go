package snapshots_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/internal/diagram"
)

// The pictures in docs show the stacks as they are.
func TestPicturesAreFresh(t *testing.T) {
	tree := testkit.Tree(t)
	compare := func(name string, picture *diagram.Picture, err error) {
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("docs", "pictures", name+".svg")
		shown, err := os.ReadFile(filepath.Join(testkit.Root(), file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(shown, picture.SVG()) {
			t.Errorf("%s shows something else than the stacks: run make synth diagram", file)
		}
	}
	stacks, err := diagram.Stacks(context.Background(), tree)
	compare("stacks", stacks, err)
	for _, stack := range tree.Stacks[1:] {
		picture, err := diagram.Architecture(context.Background(), stack)
		compare(stack.Environment(), picture, err)
	}
}
