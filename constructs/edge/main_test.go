package edge

import (
	"os"
	"testing"

	"github.com/aws/jsii-runtime-go"
)

// The bindings make a folder when they are imported; only Close removes it.
func TestMain(m *testing.M) {
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}
