package config

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// The page promises what the configuration keeps.
func TestRecoveryTableFollowsFromTheConfiguration(t *testing.T) {
	content, err := os.ReadFile("../docs/recovery.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	var want []string
	for _, environment := range load(t, nil).Environments {
		for _, objective := range environment.Recovery() {
			want = append(want, tableRow(environment.Name, objective))
		}
	}
	_, table, _ := strings.Cut(page, "|---|---|---|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	if got := strings.TrimSpace(table); got != strings.Join(want, "\n") {
		t.Errorf("docs/recovery.md holds\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func tableRow(name Name, o Objective) string {
	if o.Lost {
		return fmt.Sprintf("| %s | %s | everything | - | - | nothing: it is made again, empty |", name, o.Loss)
	}
	reach := cmp.Or(strings.TrimPrefix(fmt.Sprintf("%d days", o.ReachDays), "0 days"), "-")
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |", name, o.Loss, inWords(o.RPO), inWords(o.RTO), reach, o.By)
}

func inWords(span time.Duration) string {
	switch {
	case span == 0:
		return "none"
	case span%time.Hour != 0:
		return fmt.Sprintf("%.0f minutes", span.Minutes())
	default:
		return fmt.Sprintf("%.0f hours", span.Hours())
	}
}

// Each promise falls with the setting that it rests on.
func TestRecoveryFollowsEachSetting(t *testing.T) {
	full := Environment{
		Protection: Locked, Database: Database{MultiAz: true, BackupRetentionDays: 35},
		Backup: Backup{DailyDays: 35, WeeklyDays: 90, MonthlyDays: 365, Lock: true, CopyToRecovery: true},
	}
	for name, c := range map[string]struct {
		change func(*Environment)
		loss   Loss
		want   Objective
	}{
		"standby":                {nil, LossOfZone, Objective{RTO: failover, By: ByFailover}},
		"no standby":             {func(e *Environment) { e.Database.MultiAz = false }, LossOfZone, Objective{RPO: logUpload, RTO: restore, By: ByPointInTime}},
		"point in time":          {nil, LossOfRows, Objective{RPO: logUpload, RTO: restore, ReachDays: 35, By: ByPointInTime}},
		"no automated backups":   {func(e *Environment) { e.Database.BackupRetentionDays = 0 }, LossOfRows, Objective{RPO: oneDay, RTO: restore, ReachDays: 365, By: ByVault}},
		"final snapshot":         {nil, LossOfInstance, Objective{RTO: restore, By: ByFinalSnapshot}},
		"disposable":             {func(e *Environment) { e.Protection = Disposable }, LossOfInstance, Objective{RPO: oneDay, RTO: restore, ReachDays: 365, By: ByVault}},
		"weekly backups only":    {func(e *Environment) { e.Protection = Disposable; e.Backup = Backup{WeeklyDays: 30} }, LossOfInstance, Objective{RPO: 7 * oneDay, RTO: restore, ReachDays: 30, By: ByVault}},
		"nothing at all":         {func(e *Environment) { e.Protection = Disposable; e.Backup = Backup{} }, LossOfInstance, Objective{Lost: true}},
		"locked vault":           {nil, LossOfSnapshots, Objective{RPO: oneDay, RTO: restore, ReachDays: 365, By: ByVault}},
		"open vault":             {func(e *Environment) { e.Backup.Lock = false }, LossOfSnapshots, Objective{Lost: true}},
		"copies elsewhere":       {nil, LossOfRegion, Objective{RPO: logUpload + logReplication, RTO: rebuild, ReachDays: 35, By: ByReplicatedBackups}},
		"no copies elsewhere":    {func(e *Environment) { e.Backup.CopyToRecovery = false }, LossOfRegion, Objective{Lost: true}},
		"no backups of any kind": {func(e *Environment) { *e = Environment{Protection: Disposable} }, LossOfZone, Objective{Lost: true}},
	} {
		t.Run(name, func(t *testing.T) {
			environment := full
			if c.change != nil {
				c.change(&environment)
			}
			c.want.Loss = c.loss
			for _, got := range environment.Recovery() {
				if got.Loss == c.loss && got != c.want {
					t.Errorf("got %+v, want %+v", got, c.want)
				}
			}
		})
	}
	if all := full.Recovery(); len(all) != len(Losses()) {
		t.Errorf("%d objectives for %d losses", len(all), len(Losses()))
	}
}

// Production loses minutes at most, and a day to somebody who destroys on purpose.
func TestProductionLosesMinutes(t *testing.T) {
	for _, environment := range load(t, nil).Environments {
		for _, objective := range environment.Recovery() {
			most := time.Hour
			if objective.Loss == LossOfSnapshots {
				most = oneDay
			}
			if environment.Production && (objective.Lost || objective.RPO > most) {
				t.Errorf("%s: after losing %s: %+v", environment.Name, objective.Loss, objective)
			}
		}
	}
}
