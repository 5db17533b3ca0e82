// Package diagram draws what cdktf synthesized: one picture of each environment's architecture and one of the stacks.
//
// Graphviz finds the places, the cards and arrows are drawn here, as SVG and as PNG from one scene. Nothing is drawn that
// the JSON does not say, and the same JSON gives the same bytes.
package diagram

import (
	"math"
	"slices"

	"github.com/batbern/infrastructure/internal/tree"
)

// Picture is a drawn picture.
type Picture struct{ scene }

const (
	margin     = 24.0
	headHeight = 58.0
	panelGap   = 14.0
	rowHeight  = 19.0
)

// newPicture starts a picture with its title.
func newPicture(title, subtitle string) *Picture {
	p := &Picture{scene{title: title, description: subtitle}}
	p.add(label{at: point{margin, 36}, text: title, size: 22, bold: true, fill: ink})
	p.add(label{at: point{margin, 56}, text: subtitle, size: 13, fill: soft})
	return p
}

// compose puts the title above and the panels and the legend below what was placed.
func (a *architecture) compose(size point) *Picture {
	env := title(a.stack.Environment())
	p := newPicture("BATbern "+env, "what may talk to whom in "+a.stack.Name+", from its security groups; numbers are ports")
	panels := a.panels()
	width := max(size.x, 1080)
	left := margin + (width-size.x)/2
	a.drawing.shift(left, headHeight+margin/2)
	a.drawing.drawOn(&p.scene)
	y := headHeight + margin/2 + size.y + margin
	y = drawPanels(&p.scene, panels, a.theme, box{margin, y, width, 0})
	y = drawLegend(&p.scene, a.used(panels), box{margin, y + 10, width, 0})
	p.width, p.height = math.Ceil(width+2*margin), math.Ceil(y+margin/2)
	return p
}

// used are the colours that the picture shows.
func (a *architecture) used(panels []panel) theme {
	used := theme{}
	for _, r := range a.shown {
		used[r.Concern()] = a.theme.of(r.Concern())
	}
	for _, p := range panels {
		used[p.concern] = a.theme.of(p.concern)
	}
	return used
}

// panel lists what a concern holds beside what the arrows join.
type panel struct {
	concern string
	rows    []string
}

// nouns are the resources that a panel counts, in its order. What is not here (rules, attachments, settings) is detail.
var nouns = []struct{ typ, noun string }{
	{"aws_s3_bucket", "bucket"}, {"aws_kms_key", "encryption key"}, {"aws_kms_replica_key", "replica key"},
	{"aws_secretsmanager_secret", "secret"}, {"aws_secretsmanager_secret_rotation", "rotation"}, {"aws_ssm_parameter", "parameter"},
	{"aws_ecs_cluster", "cluster"}, {"aws_ecs_task_definition", "task definition"}, {"aws_service_discovery_private_dns_namespace", "DNS namespace"},
	{"aws_service_discovery_http_namespace", "Service Connect namespace"}, {"aws_appautoscaling_policy", "scaling policy"},
	{"aws_appautoscaling_scheduled_action", "scheduled scaling"}, {"aws_lambda_function", "function"}, {"aws_ecr_repository", "image repository"},
	{"aws_vpc_endpoint", "endpoint"}, {"aws_flow_log", "flow log"}, {"aws_network_acl", "network ACL"}, {"aws_security_group", "security group"},
	{"aws_wafv2_web_acl", "web ACL"}, {"aws_acm_certificate", "certificate"}, {"aws_route53_zone", "hosted zone"}, {"aws_route53_record", "DNS record"},
	{"aws_route53_health_check", "health check"}, {"aws_cloudfront_function", "edge function"},
	{"aws_backup_vault", "vault"}, {"aws_backup_plan", "backup plan"}, {"aws_backup_restore_testing_plan", "restore test"},
	{"aws_db_instance_automated_backups_replication", "replicated backup"}, {"aws_s3_bucket_replication_configuration", "bucket replication"},
	{"aws_cloudwatch_metric_alarm", "alarm"}, {"aws_cloudwatch_composite_alarm", "composite alarm"}, {"aws_cloudwatch_dashboard", "dashboard"},
	{"aws_cloudwatch_log_group", "log group"}, {"aws_cloudwatch_query_definition", "saved query"}, {"aws_cloudwatch_log_metric_filter", "metric filter"},
	{"aws_cloudwatch_event_rule", "event rule"}, {"aws_scheduler_schedule", "schedule"}, {"aws_sns_topic", "topic"}, {"aws_sqs_queue", "queue"},
	{"aws_xray_group", "X-Ray group"}, {"aws_synthetics_canary", "canary"}, {"aws_grafana_workspace", "Grafana workspace"},
	{"aws_budgets_budget", "budget"}, {"aws_ce_anomaly_monitor", "cost anomaly monitor"}, {"aws_iam_role", "role"},
	{"aws_iam_openid_connect_provider", "OIDC provider"}, {"aws_accessanalyzer_analyzer", "access analyzer"}, {"aws_cloudtrail", "trail"},
	{"aws_s3_account_public_access_block", "public access block"}, {"aws_ebs_encryption_by_default", "disk encryption default"},
}

// panels counts, by concern, what the upper part does not show; a part in another region says so.
func (a *architecture) panels() []panel {
	shown := map[*tree.Resource]bool{}
	for _, r := range a.shown {
		shown[r] = true
	}
	var panels []panel
	for _, concern := range a.theme.concerns() {
		p := panel{concern: concern}
		for _, n := range nouns {
			byRegion := map[string]int{}
			for _, r := range a.stack.OfType(n.typ) {
				if r.Concern() == concern && !shown[r] {
					byRegion[when(r.Region() == a.stack.Regions["aws"], "", r.Region())]++
				}
			}
			p.rows = append(p.rows, regional(byRegion, n.noun)...)
		}
		if len(p.rows) > 0 {
			panels = append(panels, p)
		}
	}
	return panels
}

func regional(byRegion map[string]int, noun string) []string {
	var rows []string
	for _, region := range sortedKeys(byRegion) {
		row := count(byRegion[region], noun)
		if region != "" {
			row += " in " + region
		}
		rows = append(rows, row)
	}
	return rows
}

// drawPanels sets the panels in columns, each below the shortest, and returns where the longest ends.
func drawPanels(s *scene, panels []panel, colours theme, within box) float64 {
	columns := max(1, min(len(panels), int((within.w+panelGap)/(190+panelGap))))
	width := (within.w - float64(columns-1)*panelGap) / float64(columns)
	ends := make([]float64, columns)
	for i := range ends {
		ends[i] = within.y
	}
	for _, p := range panels {
		at := slices.Index(ends, slices.Min(ends))
		height := 40 + float64(len(p.rows))*rowHeight
		drawPanel(s, p, colours.of(p.concern), box{within.x + float64(at)*(width+panelGap), ends[at], width, height})
		ends[at] += height + panelGap
	}
	return slices.Max(ends)
}

func drawPanel(s *scene, p panel, c colour, b box) {
	s.add(rect{box: b, radius: 8, fill: c.mix(0.05), stroke: c.mix(0.35), role: "card"})
	s.add(rect{box: box{b.x + 12, b.y + 13, 10, 10}, radius: 3, fill: c})
	s.add(label{at: point{b.x + 29, b.y + 23}, text: title(p.concern), size: 13.5, bold: true, fill: ink})
	for i, row := range p.rows {
		s.add(label{at: point{b.x + 12, b.y + 45 + float64(i)*rowHeight}, text: row, size: 12.5, fill: ink})
	}
}

// drawLegend names the concerns by their colours, and the arrow.
func drawLegend(s *scene, colours theme, within box) float64 {
	x, y := within.x, within.y+10
	entry := func(text string, mark func(x, y float64)) {
		w := 22 + measure(text, 12.5, false) + 20
		if x+w > within.x+within.w {
			x, y = within.x, y+22
		}
		mark(x, y)
		s.add(label{at: point{x + 20, y + 4.5}, text: text, size: 12.5, fill: ink})
		x += w
	}
	for _, concern := range colours.concerns() {
		entry(title(concern), func(x, y float64) {
			s.add(rect{box: box{x, y - 6.5, 13, 13}, radius: 3, fill: colours.of(concern)})
		})
	}
	return y + 14
}
