package config

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func load(t *testing.T, variables map[string]string) Project {
	t.Helper()
	project, err := LoadProject(variables)
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestDefaultsAreValid(t *testing.T) {
	project := load(t, nil)
	if got, want := project.Stacks(), []string{"batbern-base", "batbern-dev", "batbern-staging", "batbern-prod"}; !slices.Equal(got, want) {
		t.Errorf("stacks %v, want %v", got, want)
	}
	for _, name := range Names() {
		environment, err := project.Environment(name)
		if err != nil {
			t.Fatal(err)
		}
		if environment.Production != (name == Prod) {
			t.Errorf("%s: Production is %v", name, environment.Production)
		}
	}
}

func TestUnknownEnvironmentListsTheRightOnes(t *testing.T) {
	for _, load := range []func() error{
		func() error { _, err := Load("production"); return err },
		func() error { _, err := load(t, nil).Environment("production"); return err },
	} {
		err := load()
		if err == nil {
			t.Fatal("production was taken for an environment")
		}
		for _, word := range []string{"production", "dev", "staging", "prod"} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%q does not name %s", err, word)
			}
		}
	}
}

func TestLoadReadsTheProcess(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile(".env", []byte("BATBERN_OWNER=from-file\nBATBERN_COST_CENTER=from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BATBERN_OWNER", "from-process")
	environment, err := Load(Dev)
	if err != nil {
		t.Fatal(err)
	}
	if got := environment.Tags["Owner"]; got != "from-process" {
		t.Errorf("the process's variable does not win over .env: Owner is %q", got)
	}
	if got := environment.Tags["CostCenter"]; got != "from-file" {
		t.Errorf(".env was not read: CostCenter is %q", got)
	}
	base, err := LoadBase()
	if err != nil || base.Tags["Owner"] != "from-process" {
		t.Errorf("base: Owner %q, error %v", base.Tags["Owner"], err)
	}

	if err := os.WriteFile(".env", []byte("this is no assignment\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(Dev); err == nil || !strings.Contains(err.Error(), ".env") {
		t.Errorf("a damaged .env gives %v", err)
	}
	if _, err := LoadBase(); err == nil {
		t.Error("a damaged .env is no error for the base")
	}
}

// Every setting is wrong in some way, and each wrong one is reported under its own name, all at once.
func TestWrongSettingsAreAllReported(t *testing.T) {
	_, err := LoadProject(map[string]string{
		"BATBERN_ACCOUNT_BASE":      "12345",
		"BATBERN_ACCOUNT_DEV":       "1234567890ab",
		"BATBERN_ACCOUNT_PROD":      "333344445555", // staging's
		"BATBERN_DOMAIN":            "not a domain",
		"BATBERN_GITHUB_REPOSITORY": "just-a-name",
		"BATBERN_ALARM_EMAILS":      "a@example.com,nobody",
		"BATBERN_OWNER":             "a\tb",
		"BATBERN_BACKEND":           "cloud",
		"BATBERN_AWS_ENDPOINT_URL":  "localhost:5000",
		"BATBERN_DEPLOY_ROLE":       "admin",
		"BATBERN_LAZY_BINDINGS":     "perhaps",
		"BATBERN_BACKNED":           "s3",
		"BATBERN_STATE_REGION":      "mars-1",
	})
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("error %v", err)
	}
	found := map[string]Fault{}
	for _, fault := range faults {
		found[fault.Path] = fault
		if fault.Value == "" || fault.Allowed == "" || fault.Remedy == "" {
			t.Errorf("%+v leaves something unsaid", fault)
		}
	}
	for _, path := range []string{
		"BATBERN_ACCOUNT_BASE", "BATBERN_ACCOUNT_DEV", "BATBERN_ACCOUNT_PROD", "BATBERN_DOMAIN", "BATBERN_GITHUB_REPOSITORY",
		"BATBERN_ALARM_EMAILS[1]", "BATBERN_OWNER", "BATBERN_TFC_ORGANIZATION", "BATBERN_AWS_ENDPOINT_URL", "BATBERN_DEPLOY_ROLE",
		"BATBERN_LAZY_BINDINGS", "BATBERN_BACKNED", "BATBERN_STATE_REGION",
	} {
		if _, ok := found[path]; !ok {
			t.Errorf("%s is not reported", path)
		}
		delete(found, path)
	}
	for path := range found {
		t.Errorf("%s is reported besides: a fault of a variable is told once", path)
	}
}

// Settings that are sound by themselves, and not together.
func TestSettingsThatExcludeEachOther(t *testing.T) {
	for name, c := range map[string]struct {
		variables map[string]string
		fault     string
	}{
		"remote runs without Terraform Cloud": {map[string]string{"BATBERN_DEPLOY_ROLE": "remote"}, "BATBERN_DEPLOY_ROLE"},
		"remote runs with states in S3": {map[string]string{
			"BATBERN_DEPLOY_ROLE": "remote", "BATBERN_BACKEND": "s3", "BATBERN_STATE_BUCKET": "batbern"}, "BATBERN_DEPLOY_ROLE"},
		"an emulator with states in Terraform Cloud": {map[string]string{
			"BATBERN_AWS_ENDPOINT_URL": "http://localhost:5000", "BATBERN_BACKEND": "cloud", "BATBERN_TFC_ORGANIZATION": "batbern"}, "BATBERN_AWS_ENDPOINT_URL"},
		"tags activated by a member": {map[string]string{"BATBERN_COST_TAGS": "true"}, "BATBERN_COST_TAGS"},
		"tags activated by a member, another account pays": {map[string]string{
			"BATBERN_COST_TAGS": "true", "BATBERN_PAYER_ACCOUNTS": "222233334444"}, "BATBERN_COST_TAGS"},
		"a payer that holds no stack": {map[string]string{"BATBERN_PAYER_ACCOUNTS": "999988887777"}, "BATBERN_PAYER_ACCOUNTS[0]"},
		"a project that is a pattern": {map[string]string{"BATBERN_TFC_PROJECT": "*:workspace:*"}, "BATBERN_TFC_PROJECT"},
	} {
		t.Run(name, func(t *testing.T) {
			var faults Faults
			if _, err := LoadProject(c.variables); !errors.As(err, &faults) || len(faults) != 1 || faults[0].Path != c.fault {
				t.Errorf("got %v, want a fault of %s alone", err, c.fault)
			}
		})
	}
	load(t, map[string]string{"BATBERN_DEPLOY_ROLE": "remote", "BATBERN_BACKEND": "cloud", "BATBERN_TFC_ORGANIZATION": "batbern", "BATBERN_TFC_PROJECT": "The platform"})
}

// Values that look sound, and that AWS or the code that reads them would take amiss.
func TestSettingsThatLookSound(t *testing.T) {
	for variable, values := range map[string][]string{
		"BATBERN_DOMAIN":            {"BATBERN.CH", "batbern.ch.", "bätbern.ch", "*.batbern.ch", "localhost", "-a.ch", "batbern..ch", "10.0.0.1"},
		"BATBERN_STATE_BUCKET":      {"a..b", "192.168.0.1", "Batbern", "ab", "-batbern", "batbern_state"},
		"BATBERN_AWS_ENDPOINT_URL":  {"http://user:password@localhost:5000", "http://", "ftp://localhost", "http://localhost/path", "http://localhost?a=b", "localhost:5000"},
		"BATBERN_OWNER":             {"aws:batbern", "AWS:batbern", "${jndi:x}", "a\nb", strings.Repeat("x", 257)},
		"BATBERN_ALARM_EMAILS":      {",", " , ", "a@example.com,a@example.com", "nobody"},
		"BATBERN_PAYER_ACCOUNTS":    {"base", "111122223333,111122223333", "1111222233334"},
		"BATBERN_TFC_PROJECT":       {"*", "a:b", "ab"},
		"BATBERN_GITHUB_REPOSITORY": {"*/*", "a/b/c", "a/*", "a"},
		"BATBERN_ACCOUNT_DEV":       {"１２３４５６７８９０１２", "-12345678901", "12345678901"},
		"batbern_backend":           {"s3"},
	} {
		for _, value := range values {
			_, err := LoadProject(map[string]string{variable: value})
			var faults Faults
			if !errors.As(err, &faults) || len(faults) != 1 || !strings.HasPrefix(faults[0].Path, variable) {
				t.Errorf("%s=%q gives %v, want one fault", variable, value, err)
			}
		}
	}
	// spaces around a comma are how people write lists
	project := load(t, map[string]string{"BATBERN_ALARM_EMAILS": " a@example.com , b@example.com,"})
	if got := project.Settings.AlarmEmails; !slices.Equal(got, []string{"a@example.com", "b@example.com"}) {
		t.Errorf("addresses %q", got)
	}
	project = load(t, map[string]string{"BATBERN_PAYER_ACCOUNTS": " 222233334444 , 111122223333,"})
	kinds := []AccountKind{project.Base.Account.Kind}
	for _, environment := range project.Environments {
		kinds = append(kinds, environment.Account.Kind)
	}
	if !slices.Equal(kinds, []AccountKind{Payer, Payer, Member, Member}) {
		t.Errorf("the accounts are %v", kinds)
	}
	_, err := LoadProject(map[string]string{"BATBERN_COMPLIANCE": strings.Repeat("x", 300)})
	if err == nil || len(err.Error()) > 350 || !strings.Contains(err.Error(), "and 200 characters more") {
		t.Errorf("a long value is told as %v", err)
	}
	if _, err := LoadProject(map[string]string{"BATBERN_BACKEND": "s3"}); err == nil || !strings.Contains(err.Error(), "it is required with BATBERN_BACKEND=s3") {
		t.Errorf("s3 without a bucket is told as %v", err)
	}
}

func TestRequiredSettings(t *testing.T) {
	for backend, variable := range map[string]string{"cloud": "BATBERN_TFC_ORGANIZATION", "s3": "BATBERN_STATE_BUCKET"} {
		_, err := LoadProject(map[string]string{"BATBERN_BACKEND": backend})
		if err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s without %s: %v", backend, variable, err)
		}
		if _, err := LoadProject(map[string]string{"BATBERN_BACKEND": backend, variable: "batbern"}); err != nil {
			t.Errorf("%s with %s: %v", backend, variable, err)
		}
	}
}

// fault is one way to break an environment: what is done to it and the field that must be named.
type fault struct {
	name  string
	spoil func(*Environment)
	field string
}

// prodBackup is one that production takes.
var prodBackup = Backup{DailyDays: 35, Lock: true, CopyToRecovery: true}

// largeDisk is a change of a database whose disk is large enough for IOPS and throughput of its own.
func largeDisk(spoil func(*Database)) func(*Environment) {
	return func(e *Environment) {
		e.Database.StorageGiB, e.Database.MaxStorageGiB = 400, 800
		spoil(&e.Database)
	}
}

var environmentFaults = []fault{
	{"no network", func(e *Environment) { e.Network.Cidr = netip.Prefix{} }, "Network.Cidr"},
	{"host bits", func(e *Environment) { e.Network.Cidr = netip.MustParsePrefix("10.10.3.1/16") }, "Network.Cidr"},
	{"too small for the subnets", func(e *Environment) { e.Network.Cidr = netip.MustParsePrefix("10.10.0.0/21") }, "Network.Cidr"},
	{"too large", func(e *Environment) { e.Network.Cidr = netip.MustParsePrefix("10.0.0.0/15") }, "Network.Cidr"},
	{"public range", func(e *Environment) { e.Network.Cidr = netip.MustParsePrefix("8.8.0.0/16") }, "Network.Cidr"},
	{"IPv6", func(e *Environment) { e.Network.Cidr = netip.MustParsePrefix("fd00::/16") }, "Network.Cidr"},
	{"one zone", func(e *Environment) { e.Network.Zones = []string{"a"} }, "Network.Zones"},
	{"unknown zone", func(e *Environment) { e.Network.Zones = []string{"a", "q"} }, "Network.Zones[1]"},
	{"a zone twice", func(e *Environment) { e.Network.Zones = []string{"a", "a"} }, "Network.Zones"},
	{"more NATs than zones", func(e *Environment) { e.Network.NatGateways = 3 }, "Network.NatGateways"},
	{"NATs for some zones", func(e *Environment) { e.Network.Zones, e.Network.NatGateways = []string{"a", "b", "c"}, 2 }, "Network.NatGateways"},
	{"negative NATs", func(e *Environment) { e.Network.NatGateways = -1 }, "Network.NatGateways"},
	{"unknown endpoint", func(e *Environment) { e.Network.InterfaceEndpoints = []string{"telnet"} }, "Network.InterfaceEndpoints[0]"},
	{"flow log interval", func(e *Environment) { e.Network.FlowLogs.AggregationSeconds = 300 }, "Network.FlowLogs.AggregationSeconds"},
	{"flow log retention", func(e *Environment) { e.Network.FlowLogs.RetentionDays = 42 }, "Network.FlowLogs.RetentionDays"},
	{"unknown region", func(e *Environment) { e.Account.Region = "eu-central-9" }, "Account.Region"},
	{"recovery at home", func(e *Environment) { e.Account.RecoveryRegion = e.Account.Region }, "Account.RecoveryRegion"},
	{"no protection", func(e *Environment) { e.Protection = "" }, "Protection"},
	{"foreign domain", func(e *Environment) { e.Domains.Root = "dev.example.com" }, "Domains.Root"},
	{"no alarm address", func(e *Environment) { e.AlarmEmails = nil }, "AlarmEmails"},
	{"eleven alarm addresses", func(e *Environment) {
		e.AlarmEmails = nil
		for i := range 11 {
			e.AlarmEmails = append(e.AlarmEmails, fmt.Sprintf("%d@batbern.ch", i))
		}
	}, "AlarmEmails"},
	{"malformed alarm address", func(e *Environment) { e.AlarmEmails = []string{"me"} }, "AlarmEmails[0]"},
	{"endpoint missing without NAT", func(e *Environment) {
		e.Network.NatGateways, e.Network.InterfaceEndpoints = 0, []string{"ecr.api", "ecr.dkr", "logs"}
	}, "Network.InterfaceEndpoints"},
	{"PostgreSQL's own port", func(e *Environment) { e.Database.Port = 5432 }, "Database.Port"},
	{"remote desktop's port", func(e *Environment) { e.Database.Port = 3389 }, "Database.Port"},
	{"port that RDS does not take", func(e *Environment) { e.Database.Port = 1149 }, "Database.Port"},
	{"remote desktop's port for a service", func(e *Environment) { e.Services[0].Port = 3389 }, "Port"},
	{"instance class", func(e *Environment) { e.Database.InstanceClass = "t4g.micro" }, "Database.InstanceClass"},
	{"storage", func(e *Environment) { e.Database.StorageGiB = 5 }, "Database.StorageGiB"},
	{"storage ceiling", func(e *Environment) { e.Database.MaxStorageGiB = e.Database.StorageGiB }, "Database.MaxStorageGiB"},
	{"storage that grows by less than a tenth", func(e *Environment) { e.Database.StorageGiB, e.Database.MaxStorageGiB = 100, 109 }, "Database.MaxStorageGiB"},
	{"IOPS of a small disk", func(e *Environment) { e.Database.Iops = 12000 }, "Database.Iops"},
	{"throughput of a small disk", func(e *Environment) { e.Database.ThroughputMiB = 500 }, "Database.ThroughputMiB"},
	{"fewer IOPS than a disk has anyway", largeDisk(func(d *Database) { d.Iops = 11999 }), "Database.Iops"},
	{"more IOPS than gp3 gives", largeDisk(func(d *Database) { d.Iops = 64001 }), "Database.Iops"},
	{"less throughput than a disk has anyway", largeDisk(func(d *Database) { d.Iops, d.ThroughputMiB = 12000, 499 }), "Database.ThroughputMiB"},
	{"throughput without IOPS", largeDisk(func(d *Database) { d.ThroughputMiB = 500 }), "Database.Iops"},
	{"more throughput than the IOPS carry", largeDisk(func(d *Database) { d.Iops, d.ThroughputMiB = 12000, 3001 }), "Database.ThroughputMiB"},
	{"a proxy that takes nearly everything", func(e *Environment) {
		e.Database.InstanceClass, e.Database.ProxyConnectionsPercent = "db.t4g.micro", 80
	}, "Database.ProxyConnectionsPercent"},
	{"retention too long", func(e *Environment) { e.Database.BackupRetentionDays = 36 }, "Database.BackupRetentionDays"},
	{"a replica without backups", func(e *Environment) { e.Database.ReadReplica, e.Database.BackupRetentionDays = true, 0 }, "Database.BackupRetentionDays"},
	{"retention negative", func(e *Environment) { e.Database.BackupRetentionDays = -1 }, "Database.BackupRetentionDays"},
	{"malformed backup window", func(e *Environment) { e.Database.BackupWindow = "2am" }, "Database.BackupWindow"},
	{"weekly backup window", func(e *Environment) { e.Database.BackupWindow = "sun:02:00-sun:02:30" }, "Database.BackupWindow"},
	{"short backup window", func(e *Environment) { e.Database.BackupWindow = "02:00-02:29" }, "Database.BackupWindow"},
	{"malformed maintenance window", func(e *Environment) { e.Database.MaintenanceWindow = "xyz:02:00-sun:03:00" }, "Database.MaintenanceWindow"},
	{"daily maintenance window", func(e *Environment) { e.Database.MaintenanceWindow = "05:00-06:00" }, "Database.MaintenanceWindow"},
	{"overlapping windows", func(e *Environment) { e.Database.MaintenanceWindow = "sun:02:15-sun:03:00" }, "Database.MaintenanceWindow"},
	{"windows that meet over midnight", func(e *Environment) {
		e.Database.BackupWindow, e.Database.MaintenanceWindow = "23:45-00:15", "sat:23:00-sun:00:10"
	}, "Database.MaintenanceWindow"},
	{"a backup of RDS's own beside those of AWS Backup", func(e *Environment) { e.Backup, e.Database.BackupWindow = prodBackup, "07:00-07:30" }, "Database.BackupWindow"},
	{"maintenance an hour after a backup begins", func(e *Environment) { e.Backup, e.Database.MaintenanceWindow = prodBackup, "sat:08:00-sat:09:00" }, "Database.MaintenanceWindow"},
	{"no services", func(e *Environment) { e.Services = nil }, "Services"},
	{"a service twice", func(e *Environment) { e.Services = append(e.Services, e.Services[0]) }, "Services"},
	{"service name", func(e *Environment) { e.Services[0].Name = "Events_1" }, "Name"},
	{"service port", func(e *Environment) { e.Services[0].Port = 80 }, "Port"},
	{"health path", func(e *Environment) { e.Services[0].ReadinessPath = "health" }, "ReadinessPath"},
	{"no such Fargate CPU", func(e *Environment) { e.Services[0].Cpu = 300 }, "Cpu"},
	{"illegal Fargate pair", func(e *Environment) { e.Services[0].MemoryMiB = 5120 }, "MemoryMiB"},
	{"min above desired", func(e *Environment) { e.Services[0].Scaling.MinTasks = e.Services[0].Scaling.DesiredTasks + 1 }, "Scaling"},
	{"desired above max", func(e *Environment) { e.Services[0].Scaling.DesiredTasks = e.Services[0].Scaling.MaxTasks + 1 }, "Scaling"},
}

// Each fault, planted alone into each environment, is reported with the field's path, and nothing else is refused.
func TestEveryFaultIsNamed(t *testing.T) { plantEach(t, environmentFaults) }

func plantEach(t *testing.T, faults []fault) {
	for _, environment := range Names() {
		for _, fault := range faults {
			t.Run(string(environment)+"/"+fault.name, func(t *testing.T) {
				project := load(t, nil)
				i := slices.IndexFunc(project.Environments, func(e Environment) bool { return e.Name == environment })
				project.Environments[i].Services = slices.Clone(project.Environments[i].Services)
				fault.spoil(&project.Environments[i])
				var paths []string
				for _, found := range project.validate() {
					paths = append(paths, found.Path)
				}
				wanted := string(environment) + "." + fault.field
				if !slices.ContainsFunc(paths, func(path string) bool { return path == wanted || strings.HasSuffix(path, "]."+fault.field) }) {
					t.Errorf("no fault at %s, only at %v", wanted, paths)
				}
			})
		}
	}
}

func TestProductionFloor(t *testing.T) {
	for name, spoil := range map[string]func(*Environment){
		"Protection":                     func(e *Environment) { e.Protection = Guarded },
		"Network.NatGateways":            func(e *Environment) { e.Network.NatGateways = 1 },
		"Database.MultiAz":               func(e *Environment) { e.Database.MultiAz = false },
		"Database.BackupRetentionDays":   func(e *Environment) { e.Database.BackupRetentionDays = 7 },
		"Network.FlowLogs.RetentionDays": func(e *Environment) { e.Network.FlowLogs.RetentionDays = 30 },
		"Services[api-gateway].Scaling.MinTasks": func(e *Environment) {
			e.Services = slices.Clone(e.Services)
			i := slices.IndexFunc(e.Services, func(s Service) bool { return s.Name == "api-gateway" })
			e.Services[i].Scaling.MinTasks, e.Services[i].Scaling.Schedules = 1, nil
		},
	} {
		project := load(t, nil)
		spoil(&project.Environments[2])
		faults := project.validate()
		if len(faults) != 1 || faults[0].Path != "prod."+name || !strings.Contains(faults[0].Allowed, "production") {
			t.Errorf("%s below the floor gives %v", name, faults)
		}
		// what production may not, development may
		project = load(t, nil)
		spoil(&project.Environments[0])
		if faults := project.validate(); name != "Services[api-gateway].Scaling.MinTasks" && len(faults) != 0 {
			t.Errorf("%s is refused in dev: %v", name, faults)
		}
	}
}

func TestNetworksOfEnvironmentsStayApart(t *testing.T) {
	project := load(t, nil)
	project.Environments[1].Network.Cidr = netip.MustParsePrefix("10.10.128.0/20") // inside dev's
	faults := project.validate()
	if len(faults) != 1 || faults[0].Path != "staging.Network.Cidr" || !strings.Contains(faults[0].Allowed, "dev") {
		t.Errorf("overlap gives %v", faults)
	}
}

func TestFaultsReadWell(t *testing.T) {
	project := load(t, nil)
	project.Environments[0].Network.NatGateways = 4
	text := project.validate().Error()
	want := "configuration: 1 wrong value\n  dev.Network.NatGateways: found 4; allowed: 0, 1 or 2: there are 2 zones; lower it, or add a zone (config/dev.go)"
	if text != want {
		t.Errorf("reads\n%s\nwant\n%s", text, want)
	}
}

func TestProtectionMovesEverythingTogether(t *testing.T) {
	type guards struct {
		deletion, prevent, snapshot, force bool
		secretDays, keyDays                int
	}
	for level, want := range map[Protection]guards{
		Disposable: {false, false, false, true, 0, 7},
		Guarded:    {true, false, true, false, 30, 30},
		Locked:     {true, true, true, false, 30, 30},
	} {
		got := guards{level.DeletionProtection(), level.PreventDestroy(), level.FinalSnapshot(), level.ForceDestroy(),
			level.SecretRecoveryDays(), level.KeyDeletionDays()}
		if got != want {
			t.Errorf("%s: %+v, want %+v", level, got, want)
		}
	}
}

func TestDomains(t *testing.T) {
	project := load(t, nil)
	for name, want := range map[Name][]string{
		Dev:  {"www.dev.batbern.ch", "cdn.dev.batbern.ch", "api.dev.batbern.ch"},
		Prod: {"www.batbern.ch", "cdn.batbern.ch", "api.batbern.ch"},
	} {
		environment, err := project.Environment(name)
		if err != nil {
			t.Fatal(err)
		}
		d := environment.Domains
		if got := []string{d.Www(), d.Cdn(), d.Api()}; !slices.Equal(got, want) || d.Apex() != (name == Prod) {
			t.Errorf("%s: %v, apex %v", name, got, d.Apex())
		}
	}
}

// The plan of every allowed range, with every choice of zones: inside the VPC, never overlapping, and a subnet's range
// independent of the zones beside it.
func TestSubnetPlan(t *testing.T) {
	choices := [][]string{{"a"}, {"a", "b"}, {"c", "a"}, {"b", "c"}, {"c", "b", "a"}}
	for _, text := range []string{"10.0.0.0/16", "10.99.0.0/17", "172.20.64.0/18", "192.168.32.0/19", "10.1.16.0/20"} {
		vpc := netip.MustParsePrefix(text)
		ranges := map[string]netip.Prefix{}
		for _, zones := range choices {
			plan, err := Network{Cidr: vpc, Zones: zones}.SubnetPlan()
			if err != nil {
				t.Fatal(err)
			}
			if len(plan) != len(zoneLetters)*len(Tiers()) {
				t.Errorf("%s %v: %d subnets", vpc, zones, len(plan))
			}
			for i, subnet := range plan {
				if subnet.InUse != slices.Contains(zones, subnet.Zone) {
					t.Errorf("zones %v: %s in use: %t", zones, subnet.Zone, subnet.InUse)
				}
				if !vpc.Overlaps(subnet.Cidr) || subnet.Cidr.Bits() <= vpc.Bits() {
					t.Errorf("%s is not inside %s", subnet.Cidr, vpc)
				}
				for _, other := range plan[i+1:] {
					if subnet.Cidr.Overlaps(other.Cidr) {
						t.Errorf("%s: %+v overlaps %+v", vpc, subnet, other)
					}
				}
				key := fmt.Sprint(subnet.Tier, subnet.Zone)
				if known, seen := ranges[key]; seen && known != subnet.Cidr {
					t.Errorf("%s: %s moved from %s to %s when zones became %v", vpc, key, known, subnet.Cidr, zones)
				}
				ranges[key] = subnet.Cidr
			}
		}
	}
	for _, wrong := range []Network{
		{Cidr: netip.MustParsePrefix("10.0.0.0/24"), Zones: []string{"a"}},
		{Cidr: netip.MustParsePrefix("10.0.0.0/16"), Zones: []string{"z"}},
	} {
		if plan, err := wrong.SubnetPlan(); err == nil {
			t.Errorf("%+v gives %v", wrong, plan)
		}
	}
}

func TestNatZones(t *testing.T) {
	zones := []string{"c", "a", "b"}
	for count, want := range map[int]map[string]string{
		0: {"a": "", "b": "", "c": ""},
		1: {"a": "a", "b": "a", "c": "a"},
		3: {"a": "a", "b": "b", "c": "c"},
	} {
		got := map[string]string{}
		for _, zone := range zones {
			got[zone] = Network{Zones: zones, NatGateways: count}.NatZoneFor(zone)
		}
		if !maps.Equal(got, want) {
			t.Errorf("%d gateways: %v, want %v", count, got, want)
		}
	}
}

func TestWindows(t *testing.T) {
	for _, pair := range []struct {
		a, b string
		meet bool
	}{
		{"02:00-03:00", "sun:03:00-sun:04:00", false}, // adjacent is apart
		{"02:00-03:00", "sun:02:59-sun:04:00", true},
		{"23:30-00:30", "mon:00:00-mon:01:00", true},
		{"23:30-00:30", "mon:00:30-mon:01:00", false},
		{"01:00-01:30", "sat:23:00-sun:02:00", true},
		{"12:00-12:30", "sat:23:00-mon:02:00", true},
	} {
		a, errA := parseWindow(pair.a)
		b, errB := parseWindow(pair.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if a.overlaps(b) != pair.meet || b.overlaps(a) != pair.meet {
			t.Errorf("%s and %s: overlap %v, want %v", pair.a, pair.b, a.overlaps(b), pair.meet)
		}
	}
	for _, wrong := range []string{"", "25:00-26:00", "02:00", "02:00-02:10", "sun:02:00-03:00", "fun:02:00-fun:03:00", "sun:02:00-sun:02:29", "02:00-xx:00", "sun:02:00-sun:99:00"} {
		if w, err := parseWindow(wrong); err == nil {
			t.Errorf("%q is taken for %+v", wrong, w)
		}
	}
}

// README's table of variables is generated from nothing: it is compared with what is read.
func TestReadmeListsEveryVariable(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for line := range strings.Lines(string(readme)) {
		rows[strings.TrimSpace(line)] = true
	}
	for _, variable := range Variables() {
		shown := variable.Default
		if shown != "" {
			shown = "`" + shown + "`"
		}
		if row := fmt.Sprintf("| `%s` | %s | %s |", variable.Name, shown, variable.Help); !rows[row] {
			t.Errorf("README.md lacks the row\n%s", row)
		}
	}
	listed := strings.Count(string(readme), "\n| `"+prefix)
	if want := len(Variables()); listed != want {
		t.Errorf("README.md lists %d variables, there are %d", listed, want)
	}
}

// No field of an environment looks as if it held a secret: configuration is committed and printed.
func TestNoFieldIsSecret(t *testing.T) {
	var walk func(at string, typ reflect.Type)
	walk = func(at string, typ reflect.Type) {
		if typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map || typ.Kind() == reflect.Pointer {
			walk(at, typ.Elem())
			return
		}
		if typ.Kind() != reflect.Struct || typ.PkgPath() != reflect.TypeFor[Environment]().PkgPath() {
			return
		}
		for field := range typ.Fields() {
			name := strings.ToLower(field.Name)
			if field.Type.Kind() == reflect.String && (strings.HasSuffix(name, "password") || strings.HasSuffix(name, "token")) {
				t.Errorf("%s.%s looks like a secret", at, field.Name)
			}
			walk(at+"."+field.Name, field.Type)
		}
	}
	walk("Environment", reflect.TypeFor[Environment]())
	walk("Base", reflect.TypeFor[Base]())
	walk("Settings", reflect.TypeFor[Settings]())
}
