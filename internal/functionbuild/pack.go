package functionbuild

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// Pack puts files, texts by their names, into an archive that is the same bytes whenever and wherever it is made: for
// functions that need no compiler. It lies beside the built ones, under NAME and the hash of its bytes.
func Pack(name string, files map[string]string) (Archive, error) {
	var out bytes.Buffer
	writer := zip.NewWriter(&out)
	for _, file := range slices.Sorted(maps.Keys(files)) {
		header := &zip.FileHeader{Name: file, Method: zip.Deflate} // without a time
		header.SetMode(0o644)
		entry, err := writer.CreateHeader(header)
		if err == nil {
			_, err = entry.Write([]byte(files[file]))
		}
		if err != nil {
			return Archive{}, fmt.Errorf("archive %s: %s: %w", name, file, err)
		}
	}
	if err := writer.Close(); err != nil {
		return Archive{}, fmt.Errorf("archive %s: %w", name, err)
	}
	root, err := moduleRoot()
	if err != nil {
		return Archive{}, fmt.Errorf("archive %s cannot be written: %w", name, err)
	}
	sum := sha256.Sum256(out.Bytes())
	file := archivePath(root, name, hex.EncodeToString(sum[:16]))
	if err := writeArchive(file, out.Bytes()); err != nil {
		return Archive{}, fmt.Errorf("archive %s cannot be written: %w", name, err)
	}
	return newArchive(file, out.Bytes()), nil
}
