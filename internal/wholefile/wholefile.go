// Package wholefile writes files that other processes may read at any moment: they find the former file or the whole new
// one, and after a crash never half of it.
package wholefile

import (
	"errors"
	"os"
	"path/filepath"
)

// Write puts content into the file, which only its owner may read and write, and makes its folder where there is none. It
// writes beside and renames: where it fails, the former file stays and nothing else is left; a process that is killed leaves
// a file ".writing-…", which nobody reads.
func Write(file string, content []byte) error {
	folder := filepath.Dir(file)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	beside, err := os.CreateTemp(folder, ".writing-")
	if err != nil {
		return err
	}
	_, err = beside.Write(content)
	if err = errors.Join(err, beside.Close()); err == nil {
		err = os.Rename(beside.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(beside.Name()))
	}
	return nil
}
