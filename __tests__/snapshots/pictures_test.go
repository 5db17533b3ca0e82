package snapshots_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/cost"
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
			t.Errorf("%s shows something else than the stacks: run make docs", file)
		}
	}
	stacks, err := diagram.Stacks(context.Background(), tree)
	compare("stacks", stacks, err)
	for _, stack := range tree.Stacks[1:] {
		picture, err := diagram.Architecture(context.Background(), stack)
		compare(stack.Environment(), picture, err)
	}
}

// The table in README.md is what the stacks cost.
func TestReadmeShowsWhatTheStacksCost(t *testing.T) {
	sheet, err := cost.CheckedIn()
	if err != nil {
		t.Fatal(err)
	}
	estimates, err := cost.All(testkit.Tree(t), config.CostOf, sheet)
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := (cost.Report{Format: cost.Markdown, Summary: true}).Write(&table, estimates); err != nil {
		t.Fatal(err)
	}
	shown, err := os.ReadFile(filepath.Join(testkit.Root(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := cost.Insert(shown, table.Bytes())
	if err != nil {
		t.Fatalf("README.md: %v", err)
	}
	if !bytes.Equal(shown, fresh) {
		t.Error("README.md shows other costs than the stacks have: run make docs")
	}
}
