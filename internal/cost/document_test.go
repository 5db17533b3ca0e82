package cost_test

import (
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/cost"
)

func TestInsert(t *testing.T) {
	document := "# Title\n\n" + cost.TableBegins + "\nold\n" + cost.TableEnds + "\n\n## More\n"
	once, err := cost.Insert([]byte(document), []byte("| a |\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "# Title\n\n" + cost.TableBegins + "\n\n| a |\n\n" + cost.TableEnds + "\n\n## More\n"; string(once) != want {
		t.Errorf("found %q, wanted %q", once, want)
	}
	if twice, err := cost.Insert(once, []byte("| a |\n")); err != nil || string(twice) != string(once) {
		t.Errorf("the second time changes %q to %q: %v", once, twice, err)
	}
	for name, bad := range map[string]string{
		"no marks":          "# Title\n",
		"no end":            cost.TableBegins + "\nold\n",
		"the end first":     cost.TableEnds + cost.TableBegins,
		"two places for it": document + document,
	} {
		if _, err := cost.Insert([]byte(bad), []byte("x")); err == nil || !strings.Contains(err.Error(), "once and in this order") {
			t.Errorf("%s: found %v", name, err)
		}
	}
}
