package config

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// only returns the one fault of an error, and fails the test where there are others.
func only(t *testing.T, err error) Fault {
	t.Helper()
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 1 {
		t.Errorf("got %v, want one fault", err)
		return Fault{}
	}
	return faults[0]
}

// What AWS or Terraform would refuse, or what nobody can mean: each is one fault, at its field, with the file to change.
func TestWhatCannotBeMeant(t *testing.T) {
	service := func(change func(*Service)) func(*Environment) {
		return func(e *Environment) { change(serviceOf(e, "attendee-experience")) }
	}
	const own = "Services[attendee-experience]."
	variable := func(value string) func(*Environment) {
		return service(func(s *Service) { s.Environment = map[string]string{"SETTING": value} })
	}
	for name, c := range map[string]struct {
		spoil      func(*Environment)
		path, file string
	}{
		"a template directive":          {variable("%{ if true }"), own + "Environment[SETTING]", "config/services.go"},
		"an interpolation":              {variable("${path.module}"), own + "Environment[SETTING]", "config/services.go"},
		"a line break":                  {variable("a\nb"), own + "Environment[SETTING]", "config/services.go"},
		"a template in a purpose":       {func(e *Environment) { e.ExternalSecrets = []ExternalSecret{{"mail", "Opens %{x}", 90}} }, "ExternalSecrets[mail].Purpose", "config/secrets.go"},
		"a password in a URL":           {variable("postgres://u:secret@h/db"), own + "Environment[SETTING]", "Secrets Manager"},
		"an access key":                 {variable("AKIAIOSFODNN7EXAMPLE"), own + "Environment[SETTING]", "Secrets Manager"},
		"a private key":                 {variable("-----BEGIN RSA PRIVATE KEY-----"), own + "Environment[SETTING]", "Secrets Manager"},
		"a GitHub token":                {variable("ghp_0123456789abcdefghij0123456789abcdef"), own + "Environment[SETTING]", "Secrets Manager"},
		"an assigned password":          {variable("host=h;Password=x1"), own + "Environment[SETTING]", "Secrets Manager"},
		"PostgreSQL's own user":         {service(func(s *Service) { s.DatabaseUser = "postgres" }), own + "DatabaseUser", "config/services.go"},
		"RDS's user":                    {service(func(s *Service) { s.DatabaseUser = "rdsadmin" }), own + "DatabaseUser", "config/services.go"},
		"the master":                    {service(func(s *Service) { s.DatabaseUser = DatabaseAdmin }), own + "DatabaseUser", "config/services.go"},
		"everybody":                     {service(func(s *Service) { s.DatabaseUser = "public" }), own + "DatabaseUser", "config/services.go"},
		"a route that hides all others": {service(func(s *Service) { s.Routes = []Route{{Priority: 1, Paths: []string{"/api/*"}}} }), own + "Routes[1].Paths", "config/services.go"},
		"a route that hides one":        {service(func(s *Service) { s.Routes = []Route{{Priority: 1, Paths: []string{"/api/v1/speaker*"}}} }), own + "Routes[1].Paths", "config/services.go"},
		"addresses that become one":     {func(e *Environment) { e.AlarmEmails = []string{"a.b@example.com", "A-b@example.com"} }, "AlarmEmails[A-b@example.com]", "config/dev.go"},
		"redirects that become one":     {func(e *Environment) { e.Edge.Redirects = []Redirect{{From: "/A", To: "/x"}, {From: "/a/", To: "/y"}} }, "Edge.Redirects[/a/]", "config/redirects.go"},
		"the 30th of February":          {schedule("0 5 30 2 ? *"), own + "Scaling.Schedules[x].Cron", "config/services.go"},
		"the 31st of June":              {schedule("0 5 31 JUN ? *"), own + "Scaling.Schedules[x].Cron", "config/services.go"},
		"the 25th hour":                 {schedule("0 25 ? * MON-FRI *"), own + "Scaling.Schedules[x].Cron", "config/services.go"},
		"the 60th minute":               {schedule("60 5 ? * MON-FRI *"), own + "Scaling.Schedules[x].Cron", "config/services.go"},
		"a 13th month":                  {schedule("0 5 1 13 ? *"), own + "Scaling.Schedules[x].Cron", "config/services.go"},
		"a day without a name":          {schedule("0 5 ? * MOO *"), own + "Scaling.Schedules[x].Cron", "config/services.go"},
		"a class that is paid longer": {func(e *Environment) {
			e.Storage.Backups = Lifecycle{Transitions: []Transition{{1, GlacierInstant}}, ExpirationDays: 14}
		}, "Storage.Backups.ExpirationDays", "config/dev.go"},
		"a firewall that is off, and set": {func(e *Environment) { e.Edge.Firewall.RequestsPerFiveMinutes = 100 }, "Edge.Firewall", "config/dev.go"},
		"a class that RDS has not":        {func(e *Environment) { e.Database.InstanceClass = "db.t9z.micro" }, "Database.InstanceClass", "config/dev.go"},
		"a snapshot's name with a space":  {func(e *Environment) { e.Database.SnapshotID = "my snapshot" }, "Database.SnapshotID", "config/dev.go"},
		"another's account":               {func(e *Environment) { e.Account.ID = "111122223333" }, "Account.ID", "config/dev.go"},
		"production's name":               {func(e *Environment) { e.Domains.Root = "api.batbern.ch" }, "Domains.Root", "config/dev.go"},
		"too long for a certificate":      {func(e *Environment) { e.Domains.Root = strings.Repeat("a", 60) + ".batbern.ch" }, "Domains.Root", "config/dev.go"},
	} {
		t.Run(name, func(t *testing.T) {
			project := load(t, nil)
			project.Environments[0].Services = cloned(project.Environments[0].Services)
			c.spoil(&project.Environments[0])
			fault := only(t, project.validate().err())
			if fault.Path != "dev."+c.path || !strings.Contains(fault.Remedy, c.file) {
				t.Errorf("got %v, want a fault at dev.%s that names %s", fault, c.path, c.file)
			}
			if strings.Contains(fault.Value, "secret@") || strings.Contains(fault.Value, "AKIA") || strings.Contains(fault.Value, "ghp_") {
				t.Errorf("the fault shows the credential: %v", fault)
			}
		})
	}
}

func schedule(cron string) func(*Environment) {
	return func(e *Environment) {
		scaling := &serviceOf(e, "attendee-experience").Scaling
		scaling.Schedules = []Schedule{{Name: "x", Cron: cron, Zone: zurich, MinTasks: scaling.MinTasks, MaxTasks: scaling.MaxTasks}}
	}
}

// Times and days that exist are no faults.
func TestCronsThatExist(t *testing.T) {
	for _, cron := range []string{
		"0 20 ? * MON-FRI *", "0 5 29 2 ? *", "0 5 29 FEB ? *", "*/15 8-18 ? * 2-6 *", "0 5 L * ? *", "0 5 ? * FRI#3 *", "0 5 15W 1,7 ? *", "59 23 31 1-12 ? *",
	} {
		if fault := cronFault(cron); fault != "" {
			t.Errorf("%s: %s", cron, fault)
		}
	}
}

// A mistake in a list that all environments share is one mistake.
func TestASharedMistakeIsToldOnce(t *testing.T) {
	project := load(t, nil)
	for i := range project.Environments {
		project.Environments[i].Services = cloned(project.Environments[i].Services)
		serviceOf(&project.Environments[i], "attendee-experience").Port = 80
	}
	if fault := only(t, project.validate().err()); fault.Path != "Services[attendee-experience].Port" || !strings.Contains(fault.Remedy, "config/services.go") {
		t.Errorf("got %v", fault)
	}
}

func TestSettingsThatAreIgnored(t *testing.T) {
	for variable, value := range map[string]string{
		"BATBERN_STATE_BUCKET": "batbern-state", "BATBERN_STATE_REGION": "eu-west-1",
		"BATBERN_TFC_PROJECT": "platform", "BATBERN_TFC_HOST": "app.eu.terraform.io",
	} {
		_, err := LoadProject(map[string]string{variable: value})
		if fault := only(t, err); fault.Path != variable || !strings.Contains(fault.Remedy, "nothing would read it") {
			t.Errorf("%s=%s gives %v", variable, value, fault)
		}
	}
	_, err := LoadProject(map[string]string{"BATBERN_AWS_ENDPOINT_URL": "http://localhost:5000", "BATBERN_DEPLOY_ROLE": "apply"})
	if fault := only(t, err); fault.Path != "BATBERN_DEPLOY_ROLE" {
		t.Errorf("an emulator with roles gives %v", fault)
	}
}

// A name that nearly begins like ours is a typing error, and the nearest name is offered.
func TestMisspeltVariables(t *testing.T) {
	for name, meant := range map[string]string{
		"BATBERN_BACKNED": "BATBERN_BACKEND", "BATBRN_BACKEND": "BATBERN_BACKEND", "BATBREN_DOMAIN": "BATBERN_DOMAIN",
		"BATERN_ALARM_EMAIL": "BATBERN_ALARM_EMAILS", "batbern_owner": "BATBERN_OWNER", "BTBRN_OWNER": "BATBERN_OWNER",
	} {
		_, err := LoadProject(map[string]string{name: "x"})
		if fault := only(t, err); fault.Path != name || !strings.Contains(fault.Remedy, "did you mean "+meant+"?") {
			t.Errorf("%s gives %v, want %s", name, fault, meant)
		}
	}
	for _, name := range []string{"BATTERY_LEVEL", "PATH", "BATCH_SIZE", "LANG", "BERN_DOMAIN"} {
		if _, err := LoadProject(map[string]string{name: "x"}); err != nil {
			t.Errorf("%s, which is somebody else's, gives %v", name, err)
		}
	}
	t.Chdir(t.TempDir())
	t.Setenv("BATBRN_BACKEND", "cloud")
	if _, err := Load(Dev); err == nil || !strings.Contains(err.Error(), "BATBRN_BACKEND") {
		t.Errorf("a misspelt variable of the process gives %v", err)
	}
}

// The .env file's reader expands $NAME, to nothing where the file has no such variable: the backend would be local.
func TestNothingIsExpandedInDotenv(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("MY_BACKEND", "cloud")
	for _, line := range []string{"BATBERN_BACKEND=${MY_BACKEND}", `BATBERN_OWNER="$USER"`, "export BATBERN_DOMAIN=$DOMAIN", "BATBRN_DOMAIN=$DOMAIN"} {
		if err := os.WriteFile(".env", []byte("# a comment with $NAME\nOTHER=$HOME\n"+line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := FromProcess(".env")
		if fault := only(t, err); !strings.Contains(line, fault.Path) || !strings.Contains(fault.Remedy, ".env") {
			t.Errorf("%s gives %v", line, fault)
		}
	}
}
