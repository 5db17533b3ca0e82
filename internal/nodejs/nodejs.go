// Package nodejs readies Node.js, which jsii runs the cdktf libraries in.
package nodejs

import (
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/aws/jsii-runtime-go"
	"github.com/google/renameio/v2/maybe"
)

// OldestMajor is the oldest major version of Node.js that cdktf 0.21 runs on.
const OldestMajor = 20

//go:embed lazy.js
var lazyHook []byte

// Prepare sets the variables that jsii's Node process inherits; call it before the first construct is made.
//
// With lazy, the AWS binding is loaded class by class: less than half the time and memory, the same output. Where that
// cannot be arranged (no folder to write the hook to) the ordinary load happens, without a word. It fails only when
// there is no Node.js.
func Prepare(lazy bool) error {
	if _, err := exec.LookPath(command()); err != nil {
		return fmt.Errorf("no Node.js: %q was not found; cdktf needs version %d or newer; install it from https://nodejs.org or your package manager", command(), OldestMajor)
	}
	// jsii's banners about old and new versions of Node.js; Explain speaks where a version really is the trouble
	os.Setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
	os.Setenv("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")
	if lazy {
		if hook, err := writeHook(); err == nil {
			os.Setenv("NODE_OPTIONS", options(os.Getenv("NODE_OPTIONS"), hook))
		}
	}
	// the bindings' package initializers made a client that holds the environment of then; the next one is made anew
	jsii.Close()
	return nil
}

// Explain adds to a failure that Node.js is too old, where it is.
func Explain(failure error) error {
	if failure == nil {
		return nil
	}
	out, err := exec.Command(command(), "--version").Output()
	if err != nil {
		return errors.Join(failure, fmt.Errorf("command %s (Node.js) does not start: %w", command(), err))
	}
	version := strings.TrimSpace(string(out))
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	if number, err := strconv.Atoi(major); err == nil && number < OldestMajor {
		return errors.Join(failure, fmt.Errorf("version %s of Node.js is too old: cdktf needs %d or newer", version, OldestMajor))
	}
	return failure
}

// command is what jsii starts.
func command() string {
	if node := os.Getenv("JSII_NODE"); node != "" {
		return node
	}
	return "node"
}

// options adds the hook to what a person has set. jsii sets its heap size only where NODE_OPTIONS is empty.
func options(present, hook string) string {
	require := `--require "` + strings.ReplaceAll(hook, `\`, `\\`) + `"`
	switch {
	case strings.Contains(present, hook):
		return present
	case present == "":
		return require + " --max-old-space-size=4096"
	default:
		return present + " " + require
	}
}

// writeHook puts the hook where Node.js can read it, once for each version of its text.
func writeHook() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	file := filepath.Join(cache, "batbern", fmt.Sprintf("lazy-%x.js", sha256.Sum256(lazyHook))[:len("lazy-")+16]+".js")
	if present, err := os.ReadFile(file); err == nil && string(present) == string(lazyHook) {
		return file, nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", err
	}
	return file, maybe.WriteFile(file, lazyHook, 0o600)
}

// Close ends jsii and its Node process. It is the last thing a program does with constructs.
//
// jsii waits for its process in two places at once; the later wait fails and is reported on os.Stderr as an abnormal
// exit, although all went well. So os.Stderr leads nowhere from here on: keep the file itself to write to it still.
func Close() {
	if nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = nowhere
	}
	jsii.Close()
}
