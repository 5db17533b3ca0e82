package config

import (
	"cmp"
	"fmt"
	"slices"
)

// Cost is what an environment may cost, and what its estimate assumes about use.
type Cost struct {
	MonthlyBudgetUsd float64 // the estimate of the environment must stay below it
	Assumptions      Assumptions
}

// Assumptions are the quantities that no resource states: how long things run, how much they are used. Each is a
// month's quantity; "each" means for each resource of the kind. Prices are before tax, credits and free tiers.
type Assumptions struct {
	// How long things run. 730 is a whole month; less where a schedule stops them.
	HoursPerMonth         float64
	TaskHoursPerMonth     float64 // tasks of the services
	DatabaseHoursPerMonth float64
	OneShotTaskHours      float64 // tasks that no service keeps, each definition: migrations

	// Traffic.
	ApiRequestsMillion        float64
	AlbCapacityUnits          float64 // average LCUs of each load balancer
	NatGb                     float64 // through each NAT gateway
	EndpointGb                float64 // through each interface endpoint
	CrossAzGb                 float64 // moved between zones, charged in both directions
	InternetGb                float64 // out to the internet other than by CloudFront
	CrossRegionGb             float64 // copied to the DR region, by each resource that copies
	CloudFrontGb              float64 // each distribution
	CloudFrontRequestsMillion float64 // each distribution
	DnsQueriesMillion         float64 // each zone

	// Storage.
	BucketGb            float64 // each bucket
	BucketReadsMillion  float64 // each bucket
	BucketWritesMillion float64 // each bucket
	DatabaseBackupGb    float64 // automated backups of each database; the size of its storage is free
	BackupDatabaseGb    float64 // kept by each AWS Backup plan
	BackupBucketGb      float64 // kept by each AWS Backup plan
	CacheBackupGb       float64 // beyond the one free snapshot, each cache
	CacheServerlessGb   float64 // average data in each serverless cache
	RegistryGb          float64 // each image repository
	RegistryPushes      float64 // images pushed and scanned, each repository

	// Logs, metrics, traces, messages.
	LogGb                  float64 // into each log group
	FlowLogGb              float64 // each flow log
	LogQueryGb             float64 // scanned by Logs Insights, each saved query
	EnhancedMonitoringKb   float64 // of each sample of RDS Enhanced Monitoring
	TracesMillion          float64 // recorded by X-Ray
	NotificationsThousand  float64 // e-mails of each topic
	CustomEventsMillion    float64 // each custom event bus
	QueueRequestsMillion   float64 // each queue
	FunctionCallsThousand  float64 // each function
	FunctionMilliseconds   float64 // an average call
	BrowserEventsThousand  float64 // each RUM monitor
	GrafanaEditors         float64 // each workspace
	GrafanaViewers         float64 // each workspace
	KeyRequestsMillion     float64 // each KMS key
	KeyRotationsBilled     float64 // earlier key material that is billed: 0 in a key's first year, then 1, at most 2
	SecretCallsThousand    float64 // each secret
	ConfigItems            float64 // recorded by AWS Config
	ConfigEvaluations      float64 // each Config rule
	TrailDataEventsMillion float64 // each trail that records them
	GuardDutyEventsMillion float64
	GuardDutyGb            float64
	SecurityChecks         float64 // each Security Hub standard
}

// usual is a quiet month of a small platform, which every environment starts from.
func usual() Assumptions {
	return Assumptions{
		HoursPerMonth:         730,
		TaskHoursPerMonth:     730,
		DatabaseHoursPerMonth: 730,
		OneShotTaskHours:      1,

		ApiRequestsMillion:        0.2,
		AlbCapacityUnits:          0.1,
		NatGb:                     5,
		EndpointGb:                1,
		CrossAzGb:                 5,
		InternetGb:                2,
		CrossRegionGb:             2,
		CloudFrontGb:              5,
		CloudFrontRequestsMillion: 0.2,
		DnsQueriesMillion:         0.5,

		BucketGb:            2,
		BucketReadsMillion:  0.05,
		BucketWritesMillion: 0.01,
		DatabaseBackupGb:    20,
		BackupDatabaseGb:    20,
		BackupBucketGb:      5,
		CacheServerlessGb:   0.1,
		RegistryGb:          2,
		RegistryPushes:      20,

		LogGb:                  0.1,
		FlowLogGb:              2,
		LogQueryGb:             0.5,
		EnhancedMonitoringKb:   4,
		TracesMillion:          0.05,
		NotificationsThousand:  0.1,
		CustomEventsMillion:    0.1,
		QueueRequestsMillion:   0.1,
		FunctionCallsThousand:  1,
		FunctionMilliseconds:   500,
		BrowserEventsThousand:  10,
		GrafanaEditors:         2,
		KeyRequestsMillion:     0.1,
		KeyRotationsBilled:     1,
		SecretCallsThousand:    20,
		ConfigItems:            500,
		ConfigEvaluations:      500,
		TrailDataEventsMillion: 0.5,
		GuardDutyEventsMillion: 0.5,
		GuardDutyGb:            5,
		SecurityChecks:         5000,
	}
}

// baseCost is the shared account: zone, registries, roles and baseline. Nothing of it serves requests.
func baseCost() Cost {
	a := usual()
	a.CrossRegionGb = 1
	return Cost{MonthlyBudgetUsd: 60, Assumptions: a}
}

// devCost runs tasks and database in office hours only: 12 hours on 22 days.
func devCost() Cost {
	a := usual()
	a.TaskHoursPerMonth = 12 * 22
	a.DatabaseHoursPerMonth = 12 * 22
	a.LogGb = 0.05
	return Cost{MonthlyBudgetUsd: 250, Assumptions: a}
}

// stagingCost is the rehearsal of production with little traffic.
func stagingCost() Cost {
	return Cost{MonthlyBudgetUsd: 450, Assumptions: usual()}
}

// prodCost carries the traffic of the conference's site, averaged over the year.
func prodCost() Cost {
	a := usual()
	a.ApiRequestsMillion = 3
	a.AlbCapacityUnits = 1
	a.NatGb = 20
	a.EndpointGb = 10
	a.CrossAzGb = 50
	a.InternetGb = 20
	a.CrossRegionGb = 20
	a.CloudFrontGb = 100
	a.CloudFrontRequestsMillion = 3
	a.BucketGb = 10
	a.BucketReadsMillion = 1
	a.BucketWritesMillion = 0.1
	a.DatabaseBackupGb = 60
	a.BackupDatabaseGb = 100
	a.BackupBucketGb = 50
	a.LogGb = 0.5
	a.FlowLogGb = 10
	a.LogQueryGb = 5
	a.TracesMillion = 0.5
	a.NotificationsThousand = 1
	a.KeyRequestsMillion = 1
	return Cost{MonthlyBudgetUsd: 1100, Assumptions: a}
}

func stackOrder() []string {
	order := []string{stackName("base")}
	for _, name := range Names() {
		order = append(order, stackName(string(name)))
	}
	return order
}

// InOrder compares two stacks by the order in which a change travels through them: the base first, production last,
// then names that are not ours.
func InOrder(a, b string) int {
	place := func(stack string) int {
		if i := slices.Index(stackOrder(), stack); i >= 0 {
			return i
		}
		return len(stackOrder())
	}
	return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
}

// CostOf returns the budget and the assumptions of an environment.
func CostOf(environment string) (Cost, error) {
	switch environment {
	case "base":
		return baseCost(), nil
	case "dev":
		return devCost(), nil
	case "staging":
		return stagingCost(), nil
	case "prod":
		return prodCost(), nil
	}
	return Cost{}, fmt.Errorf("environment %q has no budget: allowed are base, dev, staging and prod: add it to config/cost.go", environment)
}
