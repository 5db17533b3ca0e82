package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/google/renameio/v2"
)

// jsonFlag belongs to every command that prints data.
type jsonFlag struct {
	JSON bool `name:"json" help:"Print JSON instead of text."`
}

// print writes the value as JSON where --json is set, and otherwise calls text.
func (f jsonFlag) print(out io.Writer, value any, text func() error) error {
	if !f.JSON {
		return text()
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// untilClosed discards everything after its reader has gone, as with `| head`. The command completes its work, and a
// closed pipe is no fault of the command.
type untilClosed struct {
	io.Writer
	closed bool
}

func (w *untilClosed) Write(content []byte) (int, error) {
	if w.closed {
		return len(content), nil
	}
	n, err := w.Writer.Write(content)
	if errors.Is(err, syscall.EPIPE) {
		w.closed = true
		return len(content), nil
	}
	return n, err
}

// writeFile replaces a file whole, so that Ctrl-C leaves the old or the new content and never a part.
func writeFile(name string, content []byte) error {
	return renameio.WriteFile(name, content, 0o644, renameio.WithExistingPermissions())
}

// withDefault appends the default to a flag's help: kong shows it only where the flag has no placeholder.
func withDefault(value *kong.Value) string {
	help := kong.DefaultHelpValueFormatter(value)
	if !value.HasDefault || value.Default == "" || value.Flag == nil {
		return help
	}
	return fmt.Sprintf("%s Default: %s.", help, value.Default)
}

// version is the module's version and the commit that the program was built from, as far as Go has recorded them.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "batbern (unknown version)"
	}
	parts := []string{"batbern", info.Main.Version}
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			parts = append(parts, setting.Value)
		case setting.Key == "vcs.modified" && setting.Value == "true":
			parts = append(parts, "modified")
		}
	}
	return strings.Join(append(parts, info.GoVersion), " ")
}

// exists tells whether there is a file or folder of that name.
func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
