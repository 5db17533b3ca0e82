package loadbalancer

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/lblistenerrule"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/lbtargetgroup"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// Service is what one service's requests are forwarded to.
type Service struct {
	// Blue takes the traffic when the service is made. With blue/green it and Green change places at each rollout.
	Blue TargetGroup
	// Green is the second group; nil without blue/green.
	Green *TargetGroup
	// RuleArns are the rules that forward to the groups, on both listeners.
	RuleArns []string
	// Ready are the rules: before they exist, ECS refuses a service with these groups.
	Ready []cdktf.ITerraformDependable
}

// Groups are the target groups there are, blue first.
func (s Service) Groups() []TargetGroup {
	if s.Green == nil {
		return []TargetGroup{s.Blue}
	}
	return []TargetGroup{s.Blue, *s.Green}
}

// TargetGroup is one set of tasks.
type TargetGroup struct {
	Arn  string
	Name string
	// ArnSuffix is what CloudWatch calls the group.
	ArnSuffix string
	// Replaced is Terraform's address of the attribute that changes when the group is another one.
	Replaced string
}

const (
	// DeregistrationSeconds is how long a leaving target may finish its requests: as long as API Gateway waits for an
	// answer. ECS sends SIGTERM to the task after it.
	DeregistrationSeconds = 30
	// slowStartSeconds lets a cold JVM take its share of requests step by step.
	slowStartSeconds = 60

	checkIntervalSeconds = 15
	checkTimeoutSeconds  = 5
	healthyChecks        = 2
	unhealthyChecks      = 3
)

// forward makes a service's target groups and its rules on each listener.
func forward(scope constructs.Construct, service config.Service, listeners Outputs, props Props) Service {
	scope = constructs.NewConstruct(scope, jsii.String(snake(service.Name)))
	out := Service{Blue: targetGroup(scope, "blue", service, props)}
	production, test := listenerRules{scope, props.Host, "rule", listeners.ListenerArn}, listenerRules{scope, props.Host, "test_rule", listeners.TestListenerArn}
	if !props.BlueGreen {
		production.add(&out, service, out.Blue, nil)
		return out
	}
	green := targetGroup(scope, "green", service, props)
	out.Green = &green
	// CodeDeploy moves the rules between the groups, so what they forward to is its own. A rule is made anew only with
	// its group: a change of port that left it behind would leave it pointing at a group that cannot be deleted
	owned := func(group TargetGroup) *cdktf.TerraformResourceLifecycle {
		return &cdktf.TerraformResourceLifecycle{
			IgnoreChanges:      jsii.Strings("action"),
			ReplaceTriggeredBy: &[]any{group.Replaced},
		}
	}
	production.add(&out, service, out.Blue, owned(out.Blue))
	// a group that no rule forwards to belongs to no load balancer, and ECS would refuse the new tasks
	test.add(&out, service, green, owned(green))
	return out
}

// targetGroup asks whether a task is ready over plain HTTP (an exception to ELB.21 and ELB.22): within the VPC, from one
// security group to another.
func targetGroup(scope constructs.Construct, colour string, service config.Service, props Props) TargetGroup {
	group := lbtargetgroup.NewLbTargetGroup(scope, jsii.String(colour), &lbtargetgroup.LbTargetGroupConfig{
		// 24 + 1 + 5 + 1 + 1 characters: AWS takes 32. The port is in it because another port is another group, which
		// has to stand beside the old one until the listener has moved
		Name:                jsii.String(fmt.Sprintf("%s-%d-%s", service.Name, service.Port, colour[:1])),
		VpcId:               jsii.String(props.Vpc.VpcID),
		TargetType:          jsii.String("ip"),
		Protocol:            jsii.String("HTTP"),
		Port:                jsii.Number(service.Port),
		DeregistrationDelay: jsii.String(fmt.Sprint(DeregistrationSeconds)),
		SlowStart:           jsii.Number(slowStartSeconds),
		// slow start works with no other algorithm
		LoadBalancingAlgorithmType: jsii.String("round_robin"),
		HealthCheck: &lbtargetgroup.LbTargetGroupHealthCheck{
			Enabled:            jsii.Bool(true),
			Protocol:           jsii.String("HTTP"),
			Port:               jsii.String("traffic-port"),
			Path:               jsii.String(service.ReadinessPath),
			Matcher:            jsii.String("200"),
			Interval:           jsii.Number(checkIntervalSeconds),
			Timeout:            jsii.Number(checkTimeoutSeconds),
			HealthyThreshold:   jsii.Number(healthyChecks),
			UnhealthyThreshold: jsii.Number(unhealthyChecks),
		},
		Lifecycle: &cdktf.TerraformResourceLifecycle{CreateBeforeDestroy: jsii.Bool(true)},
	})
	return TargetGroup{
		Arn:       *group.Arn(),
		Name:      *group.Name(),
		ArnSuffix: *group.ArnSuffix(),
		Replaced:  fmt.Sprintf("%s.%s.arn", *group.TerraformResourceType(), *group.FriendlyUniqueId()),
	}
}

// listenerRules adds a service's rules to one listener.
type listenerRules struct {
	scope       constructs.Construct
	host        string
	id          string
	listenerArn string
}

func (r listenerRules) add(to *Service, service config.Service, group TargetGroup, lifecycle *cdktf.TerraformResourceLifecycle) {
	for _, route := range service.Routes {
		rule := lblistenerrule.NewLbListenerRule(r.scope, jsii.String(fmt.Sprintf("%s_%d", r.id, route.Priority)), &lblistenerrule.LbListenerRuleConfig{
			ListenerArn: jsii.String(r.listenerArn),
			Priority:    jsii.Number(route.Priority),
			Condition: &[]*lblistenerrule.LbListenerRuleCondition{
				{HostHeader: &lblistenerrule.LbListenerRuleConditionHostHeader{Values: jsii.Strings(r.host)}},
				{PathPattern: &lblistenerrule.LbListenerRuleConditionPathPattern{Values: jsii.Strings(route.Paths...)}},
			},
			Action:    &[]*lblistenerrule.LbListenerRuleAction{{Type: jsii.String("forward"), TargetGroupArn: jsii.String(group.Arn)}},
			Lifecycle: lifecycle,
		})
		to.RuleArns = append(to.RuleArns, *rule.Arn())
		to.Ready = append(to.Ready, rule)
	}
}
