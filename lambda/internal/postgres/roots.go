package postgres

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/batbern/infrastructure/lambda/authorities"
)

// Roots returns the authorities that a database's certificate may chain to.
//
// path is normally empty. It may name a PEM file that replaces the embedded roots, for a new authority of RDS before a
// release carries it, or for a database that is not RDS.
func Roots(path string) (*x509.CertPool, error) {
	content := authorities.PEM
	if path != "" {
		var err error
		if content, err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("read the CA bundle: %w", err)
		}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, errors.New("the CA bundle holds no certificate in PEM form")
	}
	return pool, nil
}
