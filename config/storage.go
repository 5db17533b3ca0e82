package config

import (
	"fmt"
	"slices"
	"strings"
)

// Storage is an environment's buckets.
type Storage struct {
	// UploadOrigins are web origins besides the environment's own frontend from which browsers may read and upload
	// content ("http://localhost:5173" for a developer's machine).
	UploadOrigins []string `validate:"unique,dive,origin"`
	// Content keeps presentations and photographs, Frontend the built web application.
	Content, Frontend Lifecycle
	// Backups keeps exports that AWS Backup does not make.
	Backups Lifecycle
	// BackupLockDays keeps each new backup from being deleted or overwritten for that long, by Object Lock in
	// governance mode (S3.15); 0 for no lock. A bucket can be given a lock only while it is empty of history: when it
	// is made.
	BackupLockDays int `validate:"min=0,max=3650"`
	// Imports keeps what is migrated into the platform, the 54 past events first of all. Nothing in it expires.
	Imports Lifecycle
	// LogRetentionDays is how long access logs of buckets, load balancer and CloudFront are kept.
	LogRetentionDays int `validate:"min=1,max=3653"`
	// Replicated copies content, frontend and backups to the recovery region (S3.7).
	Replicated bool
}

// Lifecycle says what becomes of a bucket's objects as they age. The zero value keeps all of them as they are.
type Lifecycle struct {
	// Transitions move objects to cheaper storage, in the order of their days.
	Transitions []Transition `validate:"dive"`
	// ExpirationDays deletes objects; 0 keeps them.
	ExpirationDays int `validate:"min=0,max=36500"`
	// NoncurrentDays deletes overwritten and deleted versions after that time, which is how long a mistake can be
	// undone; 0 keeps them.
	NoncurrentDays int `validate:"min=0,max=36500"`
}

// Transition moves objects of an age to a storage class.
type Transition struct {
	AfterDays int          `validate:"min=0,max=36500"`
	Class     StorageClass `validate:"storageclass"`
}

// StorageClass is S3's name of a storage class.
type StorageClass string

// The storage classes that objects may move to, warmest first. Objects never move back up.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
const (
	InfrequentAccess   StorageClass = "STANDARD_IA"
	IntelligentTiering StorageClass = "INTELLIGENT_TIERING"
	GlacierInstant     StorageClass = "GLACIER_IR"
	Glacier            StorageClass = "GLACIER"
	DeepArchive        StorageClass = "DEEP_ARCHIVE"
)

var storageClasses = []StorageClass{InfrequentAccess, IntelligentTiering, GlacierInstant, Glacier, DeepArchive}

func storageClassNames() []string {
	var names []string
	for _, class := range storageClasses {
		names = append(names, string(class))
	}
	return names
}

// infrequentAfterDays is the age below which S3 refuses the move to STANDARD_IA, and how long an object must stay
// there before it can move on.
const infrequentAfterDays = 30

func (s Storage) check(at path, report *Faults) {
	s.Content.check(at.field("Content"), report)
	s.Frontend.check(at.field("Frontend"), report)
	s.Backups.check(at.field("Backups"), report)
	s.Imports.check(at.field("Imports"), report)
	if s.Imports.ExpirationDays > 0 || s.Imports.NoncurrentDays > 0 {
		report.add(at.field("Imports"), fmt.Sprintf("expiration %d, noncurrent %d", s.Imports.ExpirationDays, s.Imports.NoncurrentDays),
			"0 and 0", "remove both: nothing may delete what was handed over for migration")
	}
	if locked := s.BackupLockDays; locked > 0 {
		for _, rule := range []struct {
			name string
			days int
		}{{"ExpirationDays", s.Backups.ExpirationDays}, {"NoncurrentDays", s.Backups.NoncurrentDays}} {
			if rule.days > 0 && rule.days < locked {
				report.add(at.field("Backups."+rule.name), rule.days, fmt.Sprintf("%d or more, or 0", locked),
					"an object cannot be deleted before its lock of BackupLockDays ends")
			}
		}
	}
}

// check refuses what S3 refuses, and rules that could never run.
func (l Lifecycle) check(at path, report *Faults) {
	for i, transition := range l.Transitions {
		here := at.field("Transitions").key(string(transition.Class))
		if transition.Class == InfrequentAccess && transition.AfterDays < infrequentAfterDays {
			report.add(here.field("AfterDays"), transition.AfterDays, fmt.Sprintf("%d or more", infrequentAfterDays),
				"S3 moves nothing younger to STANDARD_IA")
		}
		if i == 0 {
			continue
		}
		before := l.Transitions[i-1]
		if slices.Index(storageClasses, transition.Class) <= slices.Index(storageClasses, before.Class) {
			report.add(here, transition.Class, "a colder class than "+string(before.Class),
				"put the transitions in the order "+strings.Join(storageClassNames(), ", "))
		}
		least := before.AfterDays + 1
		if before.Class == InfrequentAccess {
			least = before.AfterDays + infrequentAfterDays
		}
		if transition.AfterDays < least {
			report.add(here.field("AfterDays"), transition.AfterDays, fmt.Sprintf("%d or more, after %s", least, before.Class),
				"an object has to arrive in one class before it leaves for the next")
		}
	}
	l.checkWorth(at, report)
	if count := len(l.Transitions); count > 0 && l.ExpirationDays > 0 {
		if last := l.Transitions[count-1]; l.ExpirationDays <= last.AfterDays {
			report.add(at.field("ExpirationDays"), l.ExpirationDays, fmt.Sprintf("more than %d, or 0", last.AfterDays),
				fmt.Sprintf("objects would be deleted before they reach %s: remove that transition, or keep them longer", last.Class))
		}
	}
}
