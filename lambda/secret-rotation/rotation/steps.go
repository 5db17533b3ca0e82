package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/jackc/pgx/v5"

	"github.com/batbern/infrastructure/lambda/internal/postgres"
	"github.com/batbern/infrastructure/lambda/internal/secret"
)

// loginAttempts bounds testSecret: 28P01 right after a change may pass, a wrong password does not.
const loginAttempts = 3

// createSecret gives the pending version its value: the current one with a new password. A version that has a value
// keeps it, because setSecret may have given that password to the database already.
func (r *rotation) createSecret(ctx context.Context) error {
	current, err := r.current(ctx)
	if err != nil {
		return err
	}
	exists, err := r.hasPassword(ctx, current)
	if err != nil {
		return err
	}
	if exists {
		r.log.InfoContext(ctx, "version has a password already")
		return nil
	}
	password, err := r.randomPassword(ctx)
	if err != nil {
		return err
	}
	if password == current.Password {
		return errors.New("the new password equals the current one")
	}
	value, err := current.WithPassword(password)
	if err != nil {
		return err
	}
	r.redactor.Add(value)
	if err := r.put(ctx, value); err != nil {
		return r.unlessPutElsewhere(ctx, current, err)
	}
	r.log.InfoContext(ctx, "made a new password")
	return nil
}

// hasPassword tells whether the pending version has a usable value. Only an absent value counts as none: whoever cannot
// read the version must not write it.
func (r *rotation) hasPassword(ctx context.Context, current secret.Secret) (bool, error) {
	pending, err := r.pending(ctx, current)
	switch {
	case isNotFound(err):
		return false, nil
	case err != nil:
		return false, err
	case pending.Password == "":
		return false, errNoPendingPassword
	}
	return true, nil
}

var errNoPendingPassword = errors.New("AWSPENDING holds no password: cancel this rotation (remove the label AWSPENDING " +
	"from the version) and start another")

// unlessPutElsewhere forgives a refused write where another call with the same token has written first.
func (r *rotation) unlessPutElsewhere(ctx context.Context, current secret.Secret, failure error) error {
	var exists *types.ResourceExistsException
	if !errors.As(failure, &exists) {
		return failure
	}
	if written, err := r.hasPassword(ctx, current); err != nil || !written {
		return errors.Join(failure, err)
	}
	r.log.InfoContext(ctx, "another call made the password")
	return nil
}

// setSecret gives the pending password to the database. It logs in with the pending password first, to see whether an
// earlier call came that far, then with each credential that may still be valid, and goes on to the next only when the
// server refuses one: a network or TLS fault says nothing about a password.
func (r *rotation) setSecret(ctx context.Context) error {
	current, err := r.current(ctx)
	if err != nil {
		return err
	}
	pending, err := r.pending(ctx, current)
	if err != nil {
		return err
	}
	if pending.Password == "" {
		return errNoPendingPassword
	}
	err = r.checkLogin(ctx, pending)
	if err == nil {
		r.log.InfoContext(ctx, "database has the new password already")
		return nil
	}
	if !postgres.IsAuthenticationFailure(err) {
		return err
	}
	failure := r.change(ctx, current, pending)
	if failure != nil && r.checkLogin(ctx, pending) == nil {
		// The credentials are refused because another call with the same token has set the password meanwhile.
		r.log.InfoContext(ctx, "another call set the new password in the database")
		return nil
	}
	return failure
}

// change tries the ways to set the password in turn.
func (r *rotation) change(ctx context.Context, current, pending secret.Secret) error {
	var refusals []error
	for _, way := range []struct {
		name string
		try  func() error
	}{
		{"with AWSCURRENT", func() error { return r.changeOwn(ctx, current, pending) }},
		{"with AWSPREVIOUS", func() error { return r.changeWithPrevious(ctx, pending) }},
		{"through the master", func() error { return r.changeThroughMaster(ctx, pending) }},
		{"through RDS", func() error { return r.changeThroughRDS(ctx, pending) }},
	} {
		err := way.try()
		if err == nil {
			r.log.InfoContext(ctx, "set the new password in the database", "way", way.name)
			return nil
		}
		refusals = append(refusals, fmt.Errorf("%s: %w", way.name, err))
		var refused *refusal
		if !errors.As(err, &refused) {
			return errors.Join(refusals...)
		}
	}
	return fmt.Errorf("no credential may set the password of the login, which was left as it is: %w. If an earlier "+
		"rotation was cancelled half-way, give AWSPENDING back to its version and rotate again",
		errors.Join(refusals...))
}

// refusal is a credential that cannot be used, so that the next may be tried.
type refusal struct{ cause error }

func (r *refusal) Error() string { return r.cause.Error() }
func (r *refusal) Unwrap() error { return r.cause }

func refuse(format string, args ...any) error { return &refusal{fmt.Errorf(format, args...)} }

// changeOwn lets the login change its own password.
func (r *rotation) changeOwn(ctx context.Context, credential, pending secret.Secret) error {
	if credential.Password == "" {
		return refuse("holds no password yet")
	}
	conn, err := r.login(ctx, credential)
	if postgres.IsAuthenticationFailure(err) {
		return &refusal{err}
	}
	if err != nil {
		return err
	}
	defer postgres.Close(conn)
	err = setPassword(ctx, conn, pending)
	if postgres.IsPermissionDenied(err) { // rds.restrict_password_commands
		return &refusal{err}
	}
	return err
}

// changeWithPrevious covers a database that was restored from before the last rotation.
func (r *rotation) changeWithPrevious(ctx context.Context, pending secret.Secret) error {
	previous, err := r.read(ctx, "", stagePrevious)
	if err != nil {
		// Whatever is wrong with it, it must not hide why the current value was refused.
		return &refusal{err}
	}
	if err := previous.SameLogin(pending); err != nil {
		return refuse("not tried, it is for %w", err)
	}
	return r.changeOwn(ctx, previous, pending)
}

// changeThroughMaster sets a password that the login cannot set itself: the first one, and one that no version of the
// secret knows any more.
func (r *rotation) changeThroughMaster(ctx context.Context, pending secret.Secret) error {
	conn, err := r.masterLogin(ctx, pending)
	if postgres.IsAuthenticationFailure(err) {
		return &refusal{err}
	}
	if err != nil {
		return err
	}
	defer postgres.Close(conn)
	if err := checkRole(ctx, conn, pending.Username); err != nil {
		return err
	}
	return setPassword(ctx, conn, pending)
}

// masterLogin logs in as the master to the database that the login's own secret names.
func (r *rotation) masterLogin(ctx context.Context, login secret.Secret) (*pgx.Conn, error) {
	if login.MasterARN == "" {
		return nil, refuse("the secret names no masterarn")
	}
	value, err := r.value(ctx, login.MasterARN, "", stageCurrent)
	if err != nil {
		return nil, err
	}
	master, err := secret.ParseMaster(value)
	r.redactor.Add(master.Password)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the master's %w", err)
	case master.Username == login.Username:
		return nil, errors.New("the master's secret is for this very login: take masterarn out of the login's secret")
	case master.Host != "" && !sameServer(master, login):
		return nil, errors.New("the master's secret is for another server than the login's")
	}
	master.Host, master.Port, master.Database = login.Host, login.Port, login.Database
	return r.login(ctx, master)
}

func sameServer(master, login secret.Secret) bool {
	if master.Port == 0 {
		master.Port = login.Port
	}
	master.Username, master.Database, master.MasterARN, master.InstanceID = login.Username, login.Database, login.MasterARN, login.InstanceID
	return master.SameLogin(login) == nil
}

// checkRole keeps the master from being used against anything but a plain login: whoever may write a secret chooses the
// user name in it.
func checkRole(ctx context.Context, conn *pgx.Conn, role string) error {
	var canLogin, privileged bool
	err := conn.QueryRow(ctx, `
		SELECT login.rolcanlogin, EXISTS (
			SELECT FROM pg_roles power
			WHERE (power.rolsuper OR power.rolcreaterole OR power.rolreplication OR power.rolbypassrls
				OR power.rolname IN ('rds_superuser', 'rds_replication', 'rdsadmin'))
			AND pg_has_role(login.oid, power.oid, 'MEMBER'))
		FROM pg_roles login WHERE login.rolname = $1`, role).Scan(&canLogin, &privileged)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return errors.New("the login does not exist in the database: run the bootstrap function first")
	case err != nil:
		return fmt.Errorf("look the login up: %w", err)
	case !canLogin:
		return errors.New("the role may not log in: run the bootstrap function first")
	case privileged:
		return errors.New("the login has administrative rights: the master does not set the passwords of such logins")
	}
	return nil
}

// testSecret logs in with the pending password and looks at the session.
//
// With RotateImmediately=false Secrets Manager calls this step alone, on a copy of the current value. Where that is a
// first version without a password, the way through the master, or for a master through RDS, is what can be tested.
func (r *rotation) testSecret(ctx context.Context) error {
	current, err := r.current(ctx)
	if err != nil {
		return err
	}
	pending, err := r.pending(ctx, current)
	if err != nil {
		return err
	}
	if pending.Password == "" && current.Password == "" {
		return r.testFirstRotation(ctx, pending)
	}
	if pending.Password == "" {
		return errNoPendingPassword
	}
	for attempt := 1; ; attempt++ {
		err := r.checkLogin(ctx, pending)
		if err == nil {
			r.log.InfoContext(ctx, "logged in with the new password")
			return nil
		}
		if !postgres.IsAuthenticationFailure(err) || attempt == loginAttempts {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(r.RetryPause):
		}
	}
}

func (r *rotation) testFirstRotation(ctx context.Context, pending secret.Secret) error {
	if pending.InstanceID != "" {
		return r.checkMaster(ctx, pending)
	}
	conn, err := r.masterLogin(ctx, pending)
	if err != nil {
		return err
	}
	defer postgres.Close(conn)
	if err := checkRole(ctx, conn, pending.Username); err != nil {
		return err
	}
	r.log.InfoContext(ctx, "the login has no password yet: the first rotation can set one through the master")
	return nil
}

// checkLogin logs in and makes sure that the session can do its work.
func (r *rotation) checkLogin(ctx context.Context, login secret.Secret) error {
	conn, err := r.login(ctx, login)
	if err != nil {
		return err
	}
	defer postgres.Close(conn)
	var standby, schema bool
	err = conn.QueryRow(ctx, "SELECT pg_is_in_recovery(), current_schema() IS NOT NULL").Scan(&standby, &schema)
	if err != nil {
		return fmt.Errorf("use the session: %w", err)
	}
	if standby {
		return errReadOnly
	}
	if !schema {
		r.log.WarnContext(ctx, "the login has USAGE on no schema of its search path: run the bootstrap function")
	}
	return nil
}

var errReadOnly = errors.New("the server is a read-only replica: host must be the endpoint of the instance itself")

// finishSecret makes the pending version the current one.
func (r *rotation) finishSecret(ctx context.Context) error {
	err := r.move(ctx, stageCurrent, r.token, versionWith(r.versions, stageCurrent))
	if err != nil && !r.isCurrent(ctx) {
		return err
	}
	r.log.InfoContext(ctx, "version is current")

	// Secrets Manager removes the label too; until it has, it would refuse another rotation.
	if err := r.move(ctx, stagePending, "", r.token); err != nil {
		r.log.WarnContext(ctx, "AWSPENDING stays on the current version, which is harmless",
			"cause", r.redactor.Text(err.Error()))
	}
	return nil
}

// isCurrent tells whether the version has become current all the same, by another call or an answer that got lost.
func (r *rotation) isCurrent(ctx context.Context) bool {
	finished, err := r.checkVersion(ctx)
	return err == nil && finished
}

func versionWith(versions map[string][]string, stage string) string {
	for id, labels := range versions {
		if slices.Contains(labels, stage) {
			return id
		}
	}
	return ""
}

func (r *rotation) login(ctx context.Context, s secret.Secret) (*pgx.Conn, error) {
	return postgres.Connect(ctx, postgres.Login{
		Host: s.Host, Port: s.Port, Database: s.Database, User: s.Username, Password: s.Password,
	}, r.Roots)
}

func setPassword(ctx context.Context, conn *pgx.Conn, pending secret.Secret) error {
	verifier, err := postgres.Verifier(pending.Password)
	if err != nil {
		return err
	}
	err = postgres.SetPassword(ctx, conn, pending.Username, verifier)
	if postgres.IsReadOnly(err) {
		return errors.Join(errReadOnly, err)
	}
	return err
}
