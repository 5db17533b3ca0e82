package config

import (
	"fmt"
	"time"
)

// Database is an environment's PostgreSQL instance and its proxy.
type Database struct {
	// InstanceClass is RDS's name of the machine, "db.t4g.micro".
	InstanceClass string `validate:"required,instanceclass"`
	// Port is where the instance listens: one of RDS's, 1150 to 65535, but not PostgreSQL's own, which every scan
	// tries first (RDS.23), and not remote desktop's, which the network refuses everywhere. RDS Proxy listens on
	// 5432 whatever stands here.
	Port int `validate:"min=1150,max=65535,ne=5432,ne=3389"`
	// StorageGiB is what the instance starts with (gp3, 20 GiB at least); it grows by itself up to MaxStorageGiB.
	// RDS asks for a tenth more at least.
	StorageGiB    int `validate:"min=20,max=65536"`
	MaxStorageGiB int `validate:"gtfield=StorageGiB,max=65536"`
	// Iops and ThroughputMiB (a second) are the disk's, where its own are too few; 0 leaves it at those: 3,000 and 125 below
	// 400 GiB, where RDS takes no others for PostgreSQL, 12,000 and 500 from there on. At most 64,000 and 4,000.
	// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage
	Iops          int `validate:"omitempty,min=12000,max=64000"`
	ThroughputMiB int `validate:"omitempty,min=500,max=4000"`
	// MultiAz keeps a standby in a second zone (RDS.5).
	MultiAz bool
	// BackupRetentionDays is how far back a point in time can be restored; 0 switches automated backups off.
	BackupRetentionDays int `validate:"min=0,max=35"`
	// BackupWindow is the daily time of the snapshot in UTC, "hh:mm-hh:mm".
	BackupWindow string `validate:"required"`
	// MaintenanceWindow is the weekly time of upgrades in UTC, "ddd:hh:mm-ddd:hh:mm". It must not meet BackupWindow.
	MaintenanceWindow string `validate:"required"`
	// MonitoringSeconds is how often the operating system's figures are taken: 1, 5, 10, 15, 30 or 60 (RDS.6).
	MonitoringSeconds int `validate:"oneof=1 5 10 15 30 60"`
	// SlowQueryMilliseconds is from how long on a statement is logged, without its parameters' values.
	SlowQueryMilliseconds int `validate:"min=100,max=60000"`
	// LogRetentionDays is how long the database's, the proxy's and the functions' logs are kept.
	LogRetentionDays int `validate:"logretention"`
	// RotationDays is how often passwords change, 1 to 90 (SecretsManager.4).
	RotationDays int `validate:"min=1,max=90"`
	// ProxyConnectionsPercent is the share of the instance's connections that the proxy may take. The rest is left to
	// Flyway, the rotation and operators, who pass the proxy by.
	ProxyConnectionsPercent int `validate:"min=10,max=90"`
	// ReadReplica adds an instance that follows the first one, for reports and for operators who look something up. RDS
	// Proxy does not serve it. The master's password is made by the rotation function then (docs/decisions/0011), which
	// takes Terraform 1.11.
	ReadReplica bool
	// SnapshotID makes the instance from this snapshot instead of empty. It is read when the instance is made; a later
	// change of it changes nothing.
	SnapshotID string `validate:"omitempty,max=255,snapshotid"`
}

// What every environment's database has in common.
const (
	// DatabaseName is the database's name in PostgreSQL.
	DatabaseName = "batbern"
	// DatabaseMajorVersion is PostgreSQL's; minor upgrades come by themselves in the maintenance window.
	DatabaseMajorVersion = "15"
	// DatabaseAdmin is the master's name: none that every scan tries (RDS.25), and none PostgreSQL reserves.
	DatabaseAdmin = "batbern_master"
	// DatabaseOwner owns the schemas and everything in them; nobody can sign in as it.
	DatabaseOwner = "batbern_owner"
	// DatabaseMigrator is who Flyway signs in as.
	DatabaseMigrator = "batbern_migrator"
	// DatabaseReader is for operators who look something up.
	DatabaseReader = "batbern_readonly"
)

// databasePort is the same everywhere, so that a connection string differs between environments by its host alone.
const databasePort = 5433

func (d Database) check(at path, report *Faults) {
	if d.ReadReplica && d.BackupRetentionDays == 0 {
		report.add(at.field("BackupRetentionDays"), d.BackupRetentionDays, "1 or more with ReadReplica", "RDS makes replicas from backups: keep some, or take the replica away")
	}
	d.checkDisk(at, report)
	backup, err := parseWindow(d.BackupWindow)
	if err != nil || backup.weekday >= 0 {
		report.add(at.field("BackupWindow"), d.BackupWindow, `"hh:mm-hh:mm" in UTC, 30 minutes at least`, `write for example "02:00-02:30"`)
		return
	}
	maintenance, err := parseWindow(d.MaintenanceWindow)
	if err != nil || maintenance.weekday < 0 {
		report.add(at.field("MaintenanceWindow"), d.MaintenanceWindow, `"ddd:hh:mm-ddd:hh:mm" in UTC, 30 minutes at least`,
			`write for example "sun:03:00-sun:04:00"`)
		return
	}
	if backup.overlaps(maintenance) {
		report.add(at.field("MaintenanceWindow"), d.MaintenanceWindow, fmt.Sprintf("a time apart from the backup window %s", d.BackupWindow),
			"move one of the two; RDS refuses windows that meet")
	}
}

const (
	// ownIopsGiB is from how much storage on RDS takes IOPS and throughput for PostgreSQL on gp3.
	ownIopsGiB = 400
	// iopsPerMiB is how many IOPS a MiB/s of throughput needs.
	iopsPerMiB = 4
)

// checkDisk refuses what RDS would when the instance is made, half an hour into an apply.
func (d Database) checkDisk(at path, report *Faults) {
	if least := d.StorageGiB + (d.StorageGiB+9)/10; d.MaxStorageGiB > d.StorageGiB && d.MaxStorageGiB < least {
		report.add(at.field("MaxStorageGiB"), d.MaxStorageGiB, fmt.Sprintf("%d or more, a tenth above StorageGiB", least), "let the storage grow further")
	}
	if d.StorageGiB < ownIopsGiB {
		for field, value := range map[string]int{"Iops": d.Iops, "ThroughputMiB": d.ThroughputMiB} {
			if value > 0 {
				report.add(at.field(field), value, fmt.Sprintf("0 below %d GiB", ownIopsGiB), "leave it out, or make the storage larger")
			}
		}
		return
	}
	switch {
	case d.ThroughputMiB > 0 && d.Iops == 0:
		report.add(at.field("Iops"), d.Iops, fmt.Sprintf("%d or more with ThroughputMiB", max(12000, d.ThroughputMiB*iopsPerMiB)), "RDS takes both or IOPS alone: name them")
	case d.ThroughputMiB*iopsPerMiB > d.Iops && d.Iops > 0:
		report.add(at.field("ThroughputMiB"), d.ThroughputMiB, fmt.Sprintf("%d or less with %d IOPS", d.Iops/iopsPerMiB, d.Iops), "ask for more IOPS, or less throughput")
	}
}

// window is a span of minutes: of a day (weekday -1) or of a week.
type window struct {
	weekday        int // 0 is Sunday; -1 means every day
	start, minutes int // minutes after midnight; length
}

const (
	minutesPerDay  = 24 * 60
	minutesPerWeek = 7 * minutesPerDay
	// shortestWindow is what RDS asks for at least.
	shortestWindow = 30
)

// parseWindow reads "hh:mm-hh:mm" or "ddd:hh:mm-ddd:hh:mm".
func parseWindow(text string) (window, error) {
	for _, layout := range []struct {
		text   string
		length int
	}{{"15:04", len("hh:mm")}, {"Mon:15:04", len("ddd:hh:mm")}} {
		if len(text) != 2*layout.length+1 || text[layout.length] != '-' {
			continue
		}
		from, to := text[:layout.length], text[layout.length+1:]
		start, startDay, err := parseMoment(from)
		if err != nil {
			return window{}, err
		}
		end, endDay, err := parseMoment(to)
		if err != nil {
			return window{}, err
		}
		w := window{weekday: startDay, start: start}
		if startDay < 0 {
			w.minutes = (end - start + minutesPerDay) % minutesPerDay
		} else {
			w.minutes = ((endDay-startDay)*minutesPerDay + end - start + minutesPerWeek) % minutesPerWeek
		}
		if w.minutes < shortestWindow {
			return window{}, fmt.Errorf("window %q is %d minutes long: %d at least", text, w.minutes, shortestWindow)
		}
		return w, nil
	}
	return window{}, fmt.Errorf("window %q: neither hh:mm-hh:mm nor ddd:hh:mm-ddd:hh:mm", text)
}

var weekdays = map[string]int{"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}

func parseMoment(text string) (minutes, weekday int, err error) {
	weekday = -1
	if len(text) > len("hh:mm") {
		day, ok := weekdays[text[:3]]
		if !ok || text[3] != ':' {
			return 0, 0, fmt.Errorf("%q: no day of the week (sun, mon, ...)", text)
		}
		weekday, text = day, text[4:]
	}
	clock, err := time.Parse("15:04", text)
	if err != nil {
		return 0, 0, fmt.Errorf("%q: no time of day (hh:mm)", text)
	}
	return clock.Hour()*60 + clock.Minute(), weekday, nil
}

// overlaps compares two windows, a daily one being one of every day of the week.
func (w window) overlaps(other window) bool {
	for _, a := range w.spans() {
		for _, b := range other.spans() {
			// two arcs on the circle of a week meet when one starts within the other
			if (b.start-a.start+minutesPerWeek)%minutesPerWeek < a.minutes || (a.start-b.start+minutesPerWeek)%minutesPerWeek < b.minutes {
				return true
			}
		}
	}
	return false
}

func (w window) spans() []window {
	if w.weekday >= 0 {
		return []window{{start: w.weekday*minutesPerDay + w.start, minutes: w.minutes}}
	}
	var spans []window
	for day := range 7 {
		spans = append(spans, window{start: day*minutesPerDay + w.start, minutes: w.minutes})
	}
	return spans
}
