package config

// Migration says which image migrates the database.
type Migration struct {
	// ImageDigest is the image's, "sha256:...". Empty means the image whose tag is the checksum of the migrations in
	// this repository, which `make migration-image` builds.
	ImageDigest string `validate:"omitempty,digest"`
}
