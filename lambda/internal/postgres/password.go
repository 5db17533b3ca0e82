package postgres

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/text/secure/precis"
)

const (
	scramIterations = 4096 // PostgreSQL's own number
	scramSaltBytes  = 16
)

// Verifier returns what PostgreSQL keeps of a password: the salted SCRAM-SHA-256 keys, from which nobody can log in.
// The server takes it in place of the password, so that no statement, and so no log, ever holds the password.
// https://www.postgresql.org/docs/15/catalog-pg-authid.html, RFC 5803
func Verifier(password string) (string, error) {
	salt := make([]byte, scramSaltBytes)
	rand.Read(salt) // never fails: crypto/rand ends the program instead
	return verifier(password, salt)
}

func verifier(password string, salt []byte) (string, error) {
	salted, err := pbkdf2.Key(sha256.New, normalized(password), salt, scramIterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("derive the SCRAM keys: %w", err)
	}
	storedKey := sha256.Sum256(sign(salted, "Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", scramIterations, encode(salt), encode(storedKey[:]),
		encode(sign(salted, "Server Key"))), nil
}

// normalized prepares a password as clients do before they log in with it. One that cannot be prepared is used as it is.
func normalized(password string) string {
	if prepared, err := precis.OpaqueString.String(password); err == nil {
		return prepared
	}
	return password
}

func sign(key []byte, message string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(message))
	return mac.Sum(nil)
}

// SetPassword gives a role the password that a verifier was made of. Calls for the same role wait for each other:
// PostgreSQL would fail one of them with "tuple concurrently updated".
func SetPassword(ctx context.Context, conn *pgx.Conn, role, verifier string) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '10s'"); err != nil {
			return fmt.Errorf("bound the wait for locks: %w", err)
		}
		_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('batbern password of ' || $1, 0))", role)
		if err != nil {
			return fmt.Errorf("wait for other changes of the password: %w", err)
		}
		// ALTER ROLE takes no parameters. The verifier is base64, $, : and -, so it needs no escaping.
		_, err = tx.Exec(ctx, "ALTER ROLE "+pgx.Identifier{role}.Sanitize()+" PASSWORD '"+verifier+"'")
		if err != nil {
			return fmt.Errorf("set the password: %w", err)
		}
		return nil
	})
}
