package bootstrap

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/batbern/infrastructure/lambda/event"
	"github.com/batbern/infrastructure/lambda/internal/redact"
	"github.com/batbern/infrastructure/lambda/internal/secret"
)

// describeLogins writes into the secrets which login they are for. It comes last: a described secret may be rotated, and
// by then the login exists.
func (f *Function) describeLogins(ctx context.Context, input event.Bootstrap, report *Report, redactor *redact.Redactor) error {
	for _, login := range input.Logins {
		if login.SecretARN == "" {
			continue
		}
		change, err := f.describe(ctx, login.SecretARN, secret.Secret{
			Host: input.Host, Port: uint16(input.Port), Database: input.Database, Username: login.Name,
			MasterARN: input.MasterSecretARN,
		}, redactor)
		if err != nil {
			return fmt.Errorf("secret of role %s: %w", login.Name, err)
		}
		if change != "" {
			report.Changes = append(report.Changes, fmt.Sprintf("secret of role %s: %s", login.Name, change))
		}
	}
	return nil
}

// describeMaster writes into the secret of a master that RDS does not manage which instance it is for. The rotation
// function has RDS set the password then; until it has, nobody can sign in as the master, this function included.
func (f *Function) describeMaster(ctx context.Context, master event.Master, report *Report, redactor *redact.Redactor) error {
	change, err := f.describe(ctx, master.SecretARN, secret.Secret{
		Host: master.Host, Port: uint16(master.Port), Database: master.Database, Username: master.Name, InstanceID: master.InstanceID,
	}, redactor)
	if err != nil {
		return fmt.Errorf("its secret: %w", err)
	}
	if change != "" {
		report.Changes = append(report.Changes, "secret of the master: "+change)
	}
	return nil
}

// describe returns what it changed, and nothing when the secret was right.
func (f *Function) describe(ctx context.Context, arn string, login secret.Secret, redactor *redact.Redactor) (string, error) {
	current, replaced, change := secret.Secret{}, "", "described"
	found, err := f.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId: &arn, VersionStage: aws.String("AWSCURRENT"),
	})
	var noValue *types.ResourceNotFoundException
	switch {
	case err == nil:
		value := aws.ToString(found.SecretString)
		replaced = aws.ToString(found.VersionId)
		redactor.Add(value)
		current, err = secret.Parse(value)
		redactor.Add(current.Password)
		if err != nil {
			return "", err
		}
		difference := current.SameLogin(login)
		if difference == nil {
			return "", nil
		}
		change = fmt.Sprintf("put right, it was for %v", difference)
	case !errors.As(err, &noValue):
		return "", fmt.Errorf("read it: %w", err)
	}
	if err := f.checkNoRotation(ctx, arn, replaced); err != nil {
		return "", err
	}
	value, err := current.WithLogin(login)
	if err != nil {
		return "", err
	}
	redactor.Add(value)
	_, err = f.Secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &arn, SecretString: &value, ClientRequestToken: aws.String(tokenFor(login, replaced)),
	})
	if err != nil {
		return "", fmt.Errorf("write it: %w", err)
	}
	return change, nil
}

// checkNoRotation refuses to replace the current version while a rotation is under way. The database may have the pending
// password already: with another AWSCURRENT the rotation can no longer finish, and no version in use would hold the
// password that the database has. It also refuses where the current version is no longer the one that was read. What
// remains is the moment between this answer and the write.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
func (f *Function) checkNoRotation(ctx context.Context, arn, read string) error {
	found, err := f.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &arn})
	if err != nil {
		return fmt.Errorf("look for a rotation: %w", err)
	}
	for _, version := range slices.Sorted(maps.Keys(found.VersionIdsToStages)) {
		labels := found.VersionIdsToStages[version]
		current := slices.Contains(labels, "AWSCURRENT")
		switch {
		case current && version != read:
			return errors.New("it was rotated a moment ago: apply again")
		case !current && slices.Contains(labels, "AWSPENDING"):
			return fmt.Errorf("a rotation is pending (AWSPENDING is on version %s), and a new current value would lose its "+
				"password: wait until the rotation has finished and apply again. If it cannot finish, see why in the log of "+
				"the rotation function; only if the database does not have the pending password, cancel it: "+
				"aws secretsmanager update-secret-version-stage --secret-id %s --version-stage AWSPENDING "+
				"--remove-from-version-id %s", version, arn, version)
		}
	}
	return nil
}

// tokenFor names a new version after what it describes and what it replaces, so that a repeated call writes it once. The
// password has no part in it: a version's name is no secret.
func tokenFor(login secret.Secret, replaced string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %d %q %q %q %q", replaced, login.Host, login.Port, login.Database,
		login.Username, login.MasterARN, login.InstanceID))
	return hex.EncodeToString(sum[:])
}
