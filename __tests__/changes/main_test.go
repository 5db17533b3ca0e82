package changes_test

import (
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
