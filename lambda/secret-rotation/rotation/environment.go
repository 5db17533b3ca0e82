package rotation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/batbern/infrastructure/lambda/internal/awsapi"
	"github.com/batbern/infrastructure/lambda/internal/postgres"
)

// The function's environment variables. None is compulsory; what else the SDK reads (AWS_REGION,
// AWS_ENDPOINT_URL_SECRETS_MANAGER) is the SDK's.
const (
	// VariablePasswordLength is the length of new passwords, 16 to 128 (RDS takes no longer master password).
	VariablePasswordLength = "PASSWORD_LENGTH"
	// VariableExcludeCharacters are never part of a new password.
	VariableExcludeCharacters = "EXCLUDE_CHARACTERS"
	// VariableCABundle is a PEM file that replaces the embedded RDS and Amazon roots.
	VariableCABundle = "DATABASE_CA_BUNDLE"
)

const (
	defaultPasswordLength = 32
	// defaultExcludeCharacters are AWS's own defaults, which URLs, .pgpass files and RDS master passwords cannot hold,
	// and those that JDBC URLs and shells read as their own.
	defaultExcludeCharacters = ":/@\"'\\ ;$`&?#%{}"
)

// FromEnvironment makes the function as it runs in AWS. All faults in the environment are reported together.
func FromEnvironment(ctx context.Context, getenv func(string) string) (*Function, error) {
	length, lengthErr := passwordLength(getenv(VariablePasswordLength))
	roots, rootsErr := postgres.Roots(getenv(VariableCABundle))
	if rootsErr != nil {
		rootsErr = fmt.Errorf("%s: %w", VariableCABundle, rootsErr)
	}
	if err := errors.Join(lengthErr, rootsErr); err != nil {
		return nil, err
	}
	settings, err := awsapi.Load(ctx)
	if err != nil {
		return nil, err
	}
	exclude := getenv(VariableExcludeCharacters)
	if exclude == "" {
		exclude = defaultExcludeCharacters
	}
	return &Function{
		Secrets:    secretsmanager.NewFromConfig(settings),
		RDS:        rds.NewFromConfig(settings),
		Roots:      roots,
		Password:   PasswordPolicy{Length: length, ExcludeCharacters: exclude},
		Log:        slog.New(slog.NewJSONHandler(os.Stdout, nil)),
		RetryPause: time.Second,
	}, nil
}

func passwordLength(text string) (int64, error) {
	if text == "" {
		return defaultPasswordLength, nil
	}
	length, err := strconv.ParseInt(text, 10, 64)
	if err != nil || length < 16 || length > 128 {
		return 0, fmt.Errorf("%s is %q, want a number from 16 to 128", VariablePasswordLength, text)
	}
	return length, nil
}
