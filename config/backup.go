package config

import "fmt"

// Backup is what AWS Backup keeps of the database beside RDS's own backups, which a deleted instance may take along.
type Backup struct {
	// DailyDays, WeeklyDays and MonthlyDays are how long a backup of each kind is kept; 0 makes none of that kind.
	DailyDays   int `validate:"min=0,max=3650"`
	WeeklyDays  int `validate:"min=0,max=3650"`
	MonthlyDays int `validate:"min=0,max=3650"`
	// Lock keeps recovery points from being deleted before their time, by anybody but an administrator who first takes
	// the lock away (governance mode).
	Lock bool
	// ComplianceAfterDays turns the lock, after so many days in which it can be taken back, into one that nobody can
	// take away any more, AWS included; 0 leaves it in governance mode. 3 at least.
	ComplianceAfterDays int `validate:"omitempty,min=3,max=36500"`
	// CopyToRecovery copies backups to the recovery region, and RDS's continuous ones too.
	CopyToRecovery bool
	// RestoreTest restores the newest backup every month, to see that it can be, and deletes what it made.
	RestoreTest bool
}

// BackupHours are when AWS Backup begins its copies, in UTC: daily ones first, monthly ones last.
const BackupHours = "04:30-07:30"

// besideRDS refuses windows of RDS's in which AWS Backup begins: a copy cannot begin while RDS makes its own backup or is
// in maintenance, nor in the hour before.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/troubleshooting.html
func (b Backup) besideRDS(database Database, at path, report *Faults) {
	if !b.Enabled() {
		return
	}
	busy, _ := parseWindow(BackupHours)
	busy.minutes += 60
	for _, own := range []struct{ field, text string }{{"BackupWindow", database.BackupWindow}, {"MaintenanceWindow", database.MaintenanceWindow}} {
		// a window that is none has been reported
		if window, err := parseWindow(own.text); err == nil && window.overlaps(busy) {
			report.add(at.field("Database."+own.field), own.text, "a time before 04:30 or after 08:30 UTC, with backups",
				"move it: AWS Backup begins its copies at "+BackupHours+" and fails an hour before RDS's own windows and in them")
		}
	}
}

// Enabled says whether there is a vault at all.
func (b Backup) Enabled() bool { return b.DailyDays > 0 || b.WeeklyDays > 0 || b.MonthlyDays > 0 }

// ShortestDays is how long the shortest-lived backup is kept.
func (b Backup) ShortestDays() int {
	shortest := 0
	for _, days := range []int{b.DailyDays, b.WeeklyDays, b.MonthlyDays} {
		if days > 0 && (shortest == 0 || days < shortest) {
			shortest = days
		}
	}
	return shortest
}

// longestDays is how long the longest-lived backup is kept.
func (b Backup) longestDays() int { return max(b.DailyDays, b.WeeklyDays, b.MonthlyDays) }

func (b Backup) check(at path, report *Faults) {
	for field, set := range map[string]bool{"CopyToRecovery": b.CopyToRecovery, "Lock": b.Lock, "RestoreTest": b.RestoreTest} {
		if set && !b.Enabled() {
			report.add(at.field(field), set, "false without backups", "set DailyDays, WeeklyDays or MonthlyDays")
		}
	}
	if b.ComplianceAfterDays > 0 && !b.Lock {
		report.add(at.field("ComplianceAfterDays"), b.ComplianceAfterDays, "0 without a lock", "set Lock, and be sure: it cannot be undone")
	}
	if b.WeeklyDays > 0 && b.WeeklyDays < b.DailyDays {
		report.add(at.field("WeeklyDays"), b.WeeklyDays, fmt.Sprintf("0, or %d and more, as long as daily ones", b.DailyDays), "keep rarer backups longer")
	}
	if b.MonthlyDays > 0 && b.MonthlyDays < b.WeeklyDays {
		report.add(at.field("MonthlyDays"), b.MonthlyDays, fmt.Sprintf("0, or %d and more, as long as weekly ones", b.WeeklyDays), "keep rarer backups longer")
	}
}
