package rotation

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/batbern/infrastructure/lambda/internal/secret"
)

func (r *rotation) describe(ctx context.Context) (*secretsmanager.DescribeSecretOutput, error) {
	found, err := r.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &r.secretID})
	if err != nil {
		return nil, fmt.Errorf("describe the secret: %w", err)
	}
	return found, nil
}

// current reads the value that is in use.
func (r *rotation) current(ctx context.Context) (secret.Secret, error) {
	return r.read(ctx, "", stageCurrent)
}

// pending reads the value of the version being rotated to. It must be for the same login as the current one, which is
// decided here, before any login.
func (r *rotation) pending(ctx context.Context, current secret.Secret) (secret.Secret, error) {
	pending, err := r.read(ctx, r.token, stagePending)
	if err != nil {
		return secret.Secret{}, err
	}
	if err := pending.SameLogin(current); err != nil {
		return secret.Secret{}, fmt.Errorf("AWSPENDING is for %w than AWSCURRENT: the password is left as it is", err)
	}
	return pending, nil
}

func (r *rotation) read(ctx context.Context, version, stage string) (secret.Secret, error) {
	value, err := r.value(ctx, r.secretID, version, stage)
	if err != nil {
		return secret.Secret{}, err
	}
	s, err := secret.Parse(value)
	r.redactor.Add(s.Password)
	if err != nil {
		return secret.Secret{}, fmt.Errorf("%s: %w", stage, err)
	}
	return s, nil
}

// value reads a version's string by its label, and by its id too where one is given.
func (r *rotation) value(ctx context.Context, secretID, version, stage string) (string, error) {
	input := &secretsmanager.GetSecretValueInput{SecretId: &secretID, VersionStage: &stage}
	if version != "" {
		input.VersionId = &version
	}
	found, err := r.Secrets.GetSecretValue(ctx, input)
	if err != nil {
		return "", fmt.Errorf("read %s of %s: %w", stage, secretID, err)
	}
	if found.SecretString == nil {
		return "", fmt.Errorf("%s of %s is binary: its value must be a JSON object", stage, secretID)
	}
	r.redactor.Add(*found.SecretString)
	return *found.SecretString, nil
}

// put writes the value of the version being rotated to. The token makes it safe to send again.
func (r *rotation) put(ctx context.Context, value string) error {
	_, err := r.Secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId:           &r.secretID,
		ClientRequestToken: &r.token,
		RotationToken:      r.rotationToken,
		SecretString:       &value,
		VersionStages:      []string{stagePending},
	})
	if err != nil {
		return fmt.Errorf("write AWSPENDING: %w", err)
	}
	return nil
}

// randomPassword lets Secrets Manager make the password, as AWS's own functions do.
func (r *rotation) randomPassword(ctx context.Context) (string, error) {
	made, err := r.Secrets.GetRandomPassword(ctx, &secretsmanager.GetRandomPasswordInput{
		PasswordLength:          &r.Password.Length,
		ExcludeCharacters:       &r.Password.ExcludeCharacters,
		RequireEachIncludedType: aws.Bool(true),
	})
	if err != nil {
		return "", fmt.Errorf("get a random password: %w", err)
	}
	password := aws.ToString(made.RandomPassword)
	r.redactor.Add(password)
	if int64(len(password)) < r.Password.Length {
		return "", errors.New("get a random password: the answer is shorter than asked for")
	}
	return password, nil
}

// move puts a label on one version and takes it off another. Either may be "".
func (r *rotation) move(ctx context.Context, stage, to, from string) error {
	input := &secretsmanager.UpdateSecretVersionStageInput{SecretId: &r.secretID, VersionStage: &stage}
	if to != "" {
		input.MoveToVersionId = &to
	}
	if from != "" {
		input.RemoveFromVersionId = &from
	}
	if _, err := r.Secrets.UpdateSecretVersionStage(ctx, input); err != nil {
		return fmt.Errorf("move %s: %w", stage, err)
	}
	return nil
}

// isNotFound tells a version without a value from one that cannot be read.
func isNotFound(err error) bool {
	var notFound *types.ResourceNotFoundException
	return errors.As(err, &notFound)
}
