package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/batbern/infrastructure/lambda/internal/postgres"
	"github.com/batbern/infrastructure/lambda/internal/secret"
)

// answerTime is what is left of the call to give an answer.
const answerTime = 3 * time.Second

// changeThroughRDS sets the password of an instance's master that nobody knows: the first one, and one that no version of
// the secret knows any more. RDS takes the clear password, over TLS, and leaves it out of CloudTrail; it sets it some
// time later. Everything else the master changes itself, as any login does.
func (r *rotation) changeThroughRDS(ctx context.Context, pending secret.Secret) error {
	if pending.InstanceID == "" {
		return refuse("the secret names no dbInstanceIdentifier: the login is no master")
	}
	if err := r.checkMaster(ctx, pending); err != nil {
		return err
	}
	_, err := r.RDS.ModifyDBInstance(ctx, &rds.ModifyDBInstanceInput{
		DBInstanceIdentifier: &pending.InstanceID, MasterUserPassword: &pending.Password, ApplyImmediately: aws.Bool(true),
	})
	if err != nil {
		return fmt.Errorf("have RDS set the master's password: %w", err)
	}
	return r.awaitLogin(ctx, pending)
}

// checkMaster makes sure that the secret is for this instance's master: whoever may write a secret chooses the names in
// it.
func (r *rotation) checkMaster(ctx context.Context, pending secret.Secret) error {
	found, err := r.RDS.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &pending.InstanceID})
	if err != nil {
		return fmt.Errorf("describe the instance: %w", err)
	}
	if len(found.DBInstances) != 1 || found.DBInstances[0].Endpoint == nil {
		return errors.New("the instance has no endpoint yet: rotate again when it is available")
	}
	instance := found.DBInstances[0]
	actual := pending
	actual.Username, actual.Host = aws.ToString(instance.MasterUsername), aws.ToString(instance.Endpoint.Address)
	actual.Port = uint16(aws.ToInt32(instance.Endpoint.Port))
	if err := pending.SameLogin(actual); err != nil {
		return fmt.Errorf("the secret is not for the instance's master, but for %w", err)
	}
	return nil
}

// awaitLogin returns when the password is set. RDS takes a minute or more; what is not done when the call's time is up is
// found by the next one, which Secrets Manager makes by itself.
func (r *rotation) awaitLogin(ctx context.Context, pending secret.Secret) error {
	if deadline, bounded := ctx.Deadline(); bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-answerTime)) // an error that comes at the end is not heard
		defer cancel()
	}
	for {
		err := r.checkLogin(ctx, pending)
		if err == nil || !postgres.IsAuthenticationFailure(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(errors.New("RDS has not set the master's password yet"), err)
		case <-time.After(r.RetryPause):
		}
	}
}
