package observability

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/xrayencryptionconfig"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/xraygroup"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/xraysamplingrule"
)

// tracing sets up X-Ray: which requests are recorded, with which key, and the two groups of traces that are worth
// looking at. The account is the environment's own, so that its settings are too.
func tracing(scope constructs.Construct, constructID string, props Props) {
	scope = constructs.NewConstruct(scope, jsii.String(constructID))
	xrayencryptionconfig.NewXrayEncryptionConfig(scope, jsii.String("encryption"), &xrayencryptionconfig.XrayEncryptionConfigConfig{
		Type: jsii.String("KMS"), KeyId: jsii.String(props.LogsKeyArn),
	})
	seconds := float64(props.Watch.SlowMilliseconds) / 1000
	group(scope, "faults", "fault = true", props)
	group(scope, "slow", fmt.Sprintf("responsetime > %g", seconds), props)
	for _, rule := range samplingRules(props.Watch.TracedPercent / 100) {
		xraysamplingrule.NewXraySamplingRule(scope, jsii.String("sampling_"+rule.name), &xraysamplingrule.XraySamplingRuleConfig{
			RuleName:      jsii.String(props.Name + "-" + rule.name),
			Priority:      jsii.Number(rule.priority),
			UrlPath:       jsii.String(rule.path),
			HttpMethod:    jsii.String(rule.method),
			ReservoirSize: jsii.Number(rule.perSecond),
			FixedRate:     jsii.Number(rule.rate),
			Host:          jsii.String("*"),
			ServiceName:   jsii.String("*"),
			ServiceType:   jsii.String("*"),
			ResourceArn:   jsii.String("*"),
			Version:       jsii.Number(1),
		})
	}
}

func group(scope constructs.Construct, what, filter string, props Props) {
	xraygroup.NewXrayGroup(scope, jsii.String(what), &xraygroup.XrayGroupConfig{
		GroupName:        jsii.String(props.Name + "-" + what),
		FilterExpression: jsii.String(filter),
		InsightsConfiguration: &xraygroup.XrayGroupInsightsConfiguration{
			InsightsEnabled: jsii.Bool(true), NotificationsEnabled: jsii.Bool(true),
		},
	})
}

// sampling is one rule of which requests are recorded: so many of each second, and a part of the rest.
type sampling struct {
	name, path, method string
	priority           int // the least first
	perSecond          int
	rate               float64
}

// samplingRules leave out what load balancers and canaries ask every few seconds, and look twice as closely at what
// changes something: a lost registration is worse than a slow list.
func samplingRules(rate float64) []sampling {
	return []sampling{
		{"health", "/actuator/*", "*", 100, 0, 0},
		{"changes", "/api/*", "POST", 200, 1, min(1, 2*rate)},
		{"requests", "/api/*", "*", 300, 1, rate},
	}
}
