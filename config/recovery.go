package config

import "time"

// Objective is how an environment's data comes back after one kind of loss, and what follows from it: docs/recovery.md
// says how it is done.
type Objective struct {
	Loss Loss
	// Lost says that the data does not come back at all; the rest is empty then.
	Lost bool
	// RPO, the recovery point objective, is how much of the latest changes is lost at most.
	RPO time.Duration
	// RTO, the recovery time objective, is how long the platform stands still at most: from the decision to recover, with
	// somebody at work. It holds for databases up to 100 GiB.
	RTO time.Duration
	// ReachDays is how far back one may choose the point; 0 where there is no choice.
	ReachDays int
	// By is what brings the data back.
	By Means
}

// Loss is what went wrong.
type Loss string

// The losses, from the likely to the unlikely.
const (
	// LossOfZone takes the instance's zone, its machine or its disk.
	LossOfZone Loss = "a zone, or the instance's machine"
	// LossOfRows is a mistake in the data that was noticed: a wrong migration, a deleted event.
	LossOfRows Loss = "rows, by a mistake"
	// LossOfInstance is a deletion of the instance that leaves its last snapshot, as Terraform's.
	LossOfInstance Loss = "the instance, by a deletion"
	// LossOfSnapshots is a deletion by somebody who takes everything that RDS keeps along.
	LossOfSnapshots Loss = "the instance with all its snapshots"
	// LossOfRegion takes everything in the home region.
	LossOfRegion Loss = "the region"
)

// Losses are all kinds.
func Losses() []Loss {
	return []Loss{LossOfZone, LossOfRows, LossOfInstance, LossOfSnapshots, LossOfRegion}
}

// Means is what brings data back.
type Means string

// The means.
const (
	// ByFailover changes to the standby; nobody does anything.
	ByFailover Means = "the standby takes over"
	// ByPointInTime restores RDS's own backups to a new instance.
	ByPointInTime Means = "a restore to a point in time"
	// ByFinalSnapshot restores what the instance left when it went.
	ByFinalSnapshot Means = "a restore of the final snapshot"
	// ByVault restores a copy from the AWS Backup vault.
	ByVault Means = "a restore from the vault"
	// ByReplicatedBackups restores, in the recovery region, RDS's backups that are replicated there.
	ByReplicatedBackups Means = "a restore in the recovery region"
)

const (
	// logUpload is how often RDS saves its transaction log: the latest restorable time is that long ago at most.
	// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html
	logUpload = 5 * time.Minute
	// logReplication is what copying the log to another region adds; RDS promises no figure.
	logReplication = 25 * time.Minute
	// failover is RDS's own, "typically 60 to 120 seconds", and the proxy's and services' way back to work.
	failover = 5 * time.Minute
	// restore is a new instance from a backup, the stack's turning to it, and a look at the data.
	restore = 2 * time.Hour
	// rebuild is restore after the stack itself was made in another region.
	rebuild = 8 * time.Hour
	oneDay  = 24 * time.Hour
)

// Recovery is what the environment's configuration promises for each loss.
func (e Environment) Recovery() []Objective {
	return []Objective{e.afterZone(), e.afterRows(), e.afterInstance(), e.afterSnapshots(), e.afterRegion()}
}

func (e Environment) afterZone() Objective {
	if e.Database.MultiAz {
		return Objective{Loss: LossOfZone, RTO: failover, By: ByFailover}
	}
	again := e.afterRows()
	again.Loss, again.ReachDays = LossOfZone, 0
	return again
}

func (e Environment) afterRows() Objective {
	if days := e.Database.BackupRetentionDays; days > 0 {
		return Objective{Loss: LossOfRows, RPO: logUpload, RTO: restore, ReachDays: days, By: ByPointInTime}
	}
	return e.fromVault(LossOfRows)
}

func (e Environment) afterInstance() Objective {
	if e.Protection.FinalSnapshot() {
		return Objective{Loss: LossOfInstance, RTO: restore, By: ByFinalSnapshot}
	}
	return e.fromVault(LossOfInstance)
}

// afterSnapshots counts on a vault only where it is locked: who deletes snapshots deletes what is in an open one too.
func (e Environment) afterSnapshots() Objective {
	if e.Backup.Lock {
		return e.fromVault(LossOfSnapshots)
	}
	return Objective{Loss: LossOfSnapshots, Lost: true}
}

func (e Environment) afterRegion() Objective {
	if e.Backup.CopyToRecovery {
		return Objective{Loss: LossOfRegion, RPO: logUpload + logReplication, RTO: rebuild, ReachDays: e.Database.BackupRetentionDays, By: ByReplicatedBackups}
	}
	return Objective{Loss: LossOfRegion, Lost: true}
}

// fromVault is the last resort: a day's changes are gone, if backups are daily.
func (e Environment) fromVault(loss Loss) Objective {
	for _, kind := range []struct {
		days  int
		every time.Duration
	}{{e.Backup.DailyDays, oneDay}, {e.Backup.WeeklyDays, 7 * oneDay}, {e.Backup.MonthlyDays, 31 * oneDay}} {
		if kind.days > 0 {
			return Objective{Loss: loss, RPO: kind.every, RTO: restore, ReachDays: e.Backup.longestDays(), By: ByVault}
		}
	}
	return Objective{Loss: loss, Lost: true}
}
