package changes_test

import (
	"os"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
)

func TestMain(m *testing.M) {
	testkit.Main(m, func() {
		if shared != nil {
			os.RemoveAll(shared.folder)
		}
	})
}
