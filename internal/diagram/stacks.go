package diagram

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/batbern/infrastructure/internal/tree"
)

// Stacks draws all stacks of the tree, in its order, what each holds, and which reads the state of which.
func Stacks(ctx context.Context, tree *tree.Tree) (*Picture, error) {
	d := drawing{ordered: true}
	for i, s := range tree.Stacks {
		c := stackCard(s, stackColour(s, i))
		d.nodes = append(d.nodes, &node{name: s.Name, rank: depth(tree, s, len(tree.Stacks)), size: c.size(), draw: c.draw, colour: c.colour})
	}
	for _, s := range tree.Stacks {
		for _, on := range s.Dependencies {
			d.flows = append(d.flows, &flow{from: on, to: s.Name, label: "outputs"})
		}
	}
	level(d.nodes)
	size, err := d.place(ctx)
	if err != nil {
		return nil, fmt.Errorf("stacks: %w", err)
	}
	p := newPicture("BATbern stacks", "one stack is one Terraform state and one AWS account; environments read the base and never each other")
	width := max(size.x, 900)
	d.shift(margin+(width-size.x)/2, headHeight+margin)
	d.drawOn(&p.scene)
	p.width, p.height = math.Ceil(width+2*margin), math.Ceil(headHeight+margin+size.y+margin)
	return p, nil
}

// level makes the cards of a row equally high, so that their heads are level.
func level(nodes []*node) {
	highest := map[int]float64{}
	for _, n := range nodes {
		highest[n.rank] = max(highest[n.rank], n.size.y)
	}
	for _, n := range nodes {
		n.size.y = highest[n.rank]
	}
}

// depth is how many stacks must be applied before this one; limit ends a circle that no valid tree has.
func depth(tree *tree.Tree, s *tree.Stack, limit int) int {
	deepest := 0
	for _, name := range s.Dependencies {
		if on, err := tree.Stack(name); err == nil && limit > 0 {
			deepest = max(deepest, 1+depth(tree, on, limit-1))
		}
	}
	return deepest
}

// stackColour is warmer the nearer a stack is to production.
func stackColour(s *tree.Stack, place int) colour {
	known := map[string]colour{"base": "#445566", "dev": "#0b7fab", "staging": "#d9730d", "prod": "#b0306a"}
	if c, ok := known[s.Environment()]; ok {
		return c
	}
	return spare[place%len(spare)]
}

func stackCard(s *tree.Stack, c colour) card {
	env := s.Environment()
	card := card{mark: strings.ToUpper(env[:1]), title: s.Name, subtitle: join(count(len(s.Resources), "resource"), regionsOf(s)), colour: c, columns: 1}
	for _, fact := range facts(s) {
		card.items = append(card.items, item{title: fact})
	}
	return card
}

func regionsOf(s *tree.Stack) string {
	var names []string
	for _, r := range s.Resources {
		if region := r.Region(); region != "" && !slices.Contains(names, region) {
			names = append(names, region)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// facts says what a stack holds, in an order that is the same for every stack, so that two can be compared.
func facts(s *tree.Stack) []string {
	var said []string
	say := func(text string) {
		if text != "" {
			said = append(said, text)
		}
	}
	for _, vpc := range s.OfType("aws_vpc") {
		say(join("VPC "+vpc.String("cidr_block"), counted(s, "aws_nat_gateway", "NAT gateway")))
	}
	for _, d := range s.OfType("aws_cloudfront_distribution") {
		say(join(text(first(d.List("aliases")), ""), when(d.Value("web_acl_id") != nil, "CloudFront with WAF", "CloudFront")))
	}
	for _, d := range s.OfType("aws_apigatewayv2_domain_name") {
		say(join(text(d.Value("domain_name"), ""), "HTTP API"))
	}
	say(counted(s, "aws_ecs_service", "Fargate service"))
	for _, db := range s.OfType("aws_db_instance") {
		say(join("PostgreSQL "+db.String("engine_version"), db.String("instance_class"), when(db.Bool("multi_az"), "Multi-AZ", "single-AZ")))
	}
	for _, cache := range s.OfType("aws_elasticache_replication_group") {
		say(join(title(cache.String("engine"))+" "+cache.String("engine_version"), cache.String("node_type"), cacheNodes(cache)))
	}
	for _, zone := range s.OfType("aws_route53_zone") {
		say("hosted zone " + text(zone.Value("name"), last(zone.Label())))
	}
	for _, n := range []struct{ typ, noun string }{
		{"aws_ecr_repository", "image repository"}, {"aws_s3_bucket", "bucket"}, {"aws_secretsmanager_secret", "secret"}, {"aws_kms_key", "encryption key"},
		{"aws_backup_plan", "backup plan"}, {"aws_cloudwatch_metric_alarm", "alarm"}, {"aws_iam_openid_connect_provider", "OIDC provider"}, {"aws_iam_role", "role"},
	} {
		say(counted(s, n.typ, n.noun))
	}
	return said
}

func counted(s *tree.Stack, typ, noun string) string {
	if n := len(s.OfType(typ)); n > 0 {
		return count(n, noun)
	}
	return ""
}
