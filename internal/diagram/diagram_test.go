package diagram_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"image/png"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/diagram"
	"github.com/batbern/infrastructure/internal/tree"
	"github.com/batbern/infrastructure/internal/tree/treetest"
)

func all(t *testing.T) *tree.Tree {
	t.Helper()
	var all tree.Tree
	for _, name := range []string{"batbern-base", "batbern-dev", "batbern-staging", "batbern-prod"} {
		all.Stacks = append(all.Stacks, treetest.Golden(t, name).Parse())
	}
	return &all
}

// crowded is production with more services, longer names and larger classes than ours.
func crowded(t *testing.T) *treetest.Stack {
	t.Helper()
	stack := treetest.Golden(t, "batbern-prod")
	parsed := stack.Parse()
	model := parsed.OfType("aws_ecs_service")[0].Address()
	for i := range 8 {
		name := fmt.Sprintf("a-service-with-name-no-%02d", i)
		stack.Copy(model, "services/"+name+"/service", treetest.Attrs{"name": name})
	}
	for _, database := range parsed.OfType("aws_db_instance") {
		stack.Set(database.Address(), "instance_class", "db.r7g.16xlarge")
	}
	stack.Name = "batbern-crowded"
	return stack
}

// drawn are the pictures, drawn once for all tests that only look at them.
var drawn map[string]*diagram.Picture

// pictures are the pictures that the tests look at.
func pictures(t *testing.T) map[string]*diagram.Picture {
	t.Helper()
	if drawn == nil {
		drawn = draw(t)
	}
	return drawn
}

func draw(t *testing.T) map[string]*diagram.Picture {
	t.Helper()
	drawn := map[string]*diagram.Picture{}
	stacks, err := diagram.Stacks(context.Background(), all(t))
	if err != nil {
		t.Fatal(err)
	}
	drawn["stacks"] = stacks
	for _, s := range []*treetest.Stack{treetest.Golden(t, "batbern-dev"), treetest.Golden(t, "batbern-staging"), treetest.Golden(t, "batbern-prod"), crowded(t)} {
		p, err := diagram.Architecture(context.Background(), s.Parse())
		if err != nil {
			t.Fatal(err)
		}
		drawn[s.Name] = p
	}
	return drawn
}

// shapes are what an SVG shows, read back from its text.
type shapes struct {
	width, height float64
	texts         []text
	rects         []rect
	paths         [][]point
}

type rect struct {
	x, y, w, h float64
	class      string
}

type text struct {
	rect
	content string
	size    float64
}

type point struct{ x, y float64 }

// overlap is how deep two rectangles lie in each other.
func overlap(a, b rect) float64 {
	return min(min(a.x+a.w, b.x+b.w)-max(a.x, b.x), min(a.y+a.h, b.y+b.h)-max(a.y, b.y))
}

func (r rect) holds(b rect) bool {
	return b.x >= r.x && b.y >= r.y && b.x+b.w <= r.x+r.w && b.y+b.h <= r.y+r.h
}

func (r rect) has(p point) bool { return p.x > r.x && p.x < r.x+r.w && p.y > r.y && p.y < r.y+r.h }

func number(t *testing.T, e xml.StartElement, name string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(attribute(e, name), 64)
	if err != nil {
		t.Fatalf("%s of %s: %v", name, e.Name.Local, err)
	}
	return x
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

var pairs = regexp.MustCompile(`-?[\d.]+,-?[\d.]+`)

func read(t *testing.T, svg []byte) shapes {
	t.Helper()
	var s shapes
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := decoder.Token()
		if token == nil {
			return s
		}
		if err != nil {
			t.Fatal(err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch e.Name.Local {
		case "svg":
			s.width, s.height = number(t, e, "width"), number(t, e, "height")
		case "rect":
			s.rects = append(s.rects, rect{number(t, e, "x"), number(t, e, "y"), number(t, e, "width"), number(t, e, "height"), attribute(e, "class")})
		case "path":
			var points []point
			for _, pair := range pairs.FindAllString(attribute(e, "d"), -1) {
				x, y, _ := strings.Cut(pair, ",")
				px, _ := strconv.ParseFloat(x, 64)
				py, _ := strconv.ParseFloat(y, 64)
				points = append(points, point{px, py})
			}
			s.paths = append(s.paths, points)
		case "text":
			size, width := number(t, e, "font-size"), number(t, e, "textLength")
			at := text{rect: rect{x: number(t, e, "x"), y: number(t, e, "y") - 0.75*size, w: width, h: 0.95 * size}, size: size}
			if attribute(e, "text-anchor") == "middle" {
				at.x -= width / 2
			}
			content, _ := decoder.Token()
			at.content = string(content.(xml.CharData))
			s.texts = append(s.texts, at)
		}
	}
}

// along walks a chain of Béziers.
func along(points []point) []point {
	var walked []point
	for i := 0; i+3 < len(points); i += 3 {
		a, b, c, d := points[i], points[i+1], points[i+2], points[i+3]
		for step := 0.0; step <= 1; step += 0.02 {
			u := 1 - step
			mix := func(a, b, c, d float64) float64 {
				return u*u*u*a + 3*u*u*step*b + 3*u*step*step*c + step*step*step*d
			}
			walked = append(walked, point{mix(a.x, b.x, c.x, d.x), mix(a.y, b.y, c.y, d.y)})
		}
	}
	return walked
}

func TestNothingOverlaps(t *testing.T) {
	for name, p := range pictures(t) {
		t.Run(name, func(t *testing.T) {
			s := read(t, p.SVG())
			page := rect{0, 0, s.width, s.height, ""}
			for i, a := range s.texts {
				if !page.holds(a.rect) {
					t.Errorf("%q leaves the page: %+v", a.content, a.rect)
				}
				for _, b := range s.texts[i+1:] {
					if overlap(a.rect, b.rect) > 0 {
						t.Errorf("%q at %+v overlaps %q at %+v", a.content, a.rect, b.content, b.rect)
					}
				}
			}
			for _, r := range s.rects {
				if r.class != "card" && r.class != "plate" {
					continue
				}
				for _, a := range s.texts {
					if overlap(a.rect, r) > 0 && !r.holds(a.rect) {
						t.Errorf("the edge of the %s at %+v crosses %q at %+v", r.class, r, a.content, a.rect)
					}
				}
				for _, other := range s.rects {
					if other != r && other.class == r.class && overlap(other, r) > 0 {
						t.Errorf("two of class %s overlap: %+v and %+v", r.class, r, other)
					}
					if r.class == "plate" && other.class == "card" && overlap(other, r) > 0 {
						t.Errorf("a label's plate at %+v lies on the card at %+v", r, other)
					}
				}
			}
			for _, path := range s.paths {
				for _, at := range along(path) {
					for _, r := range s.rects {
						inner := rect{r.x + 3, r.y + 3, r.w - 6, r.h - 6, r.class}
						if r.class == "card" && inner.has(at) {
							t.Fatalf("an arrow runs through the card at %+v", r)
						}
					}
				}
			}
		})
	}
}

// An arrow between two cards of a frame does not leave it: traffic does not either.
func TestArrowsStayInTheirFrames(t *testing.T) {
	for name, p := range pictures(t) {
		s := read(t, p.SVG())
		for _, path := range s.paths {
			from, to := path[0], path[len(path)-1]
			for _, frame := range s.rects {
				if frame.class != "area" || !frame.has(from) || !frame.has(to) {
					continue
				}
				for _, at := range along(path) {
					if !frame.has(at) {
						t.Errorf("%s: the arrow from %v to %v leaves the frame at %+v", name, from, to, frame)
						break
					}
				}
			}
		}
	}
}

// A number can be told to be its arrow's, and no arrow runs behind a number or a title that is not its own.
func TestLabelsLieOnTheirOwnArrows(t *testing.T) {
	for name, p := range pictures(t) {
		s := read(t, p.SVG())
		for _, plate := range s.rects {
			if plate.class != "plate" {
				continue
			}
			below := 0
			for _, path := range s.paths {
				if slices.ContainsFunc(along(path), plate.has) {
					below++
				}
			}
			var words string
			for _, a := range s.texts {
				if plate.holds(a.rect) {
					words = a.content
				}
			}
			wanted := 1
			if strings.HasPrefix(words, "region") || strings.HasPrefix(words, "VPC") || strings.Contains(words, "subnets") {
				wanted = 0
			}
			if below != wanted && name != "batbern-crowded" {
				t.Errorf("%s: %d arrows run behind %q at %+v, wanted %d", name, below, words, plate, wanted)
			}
		}
	}
}

func TestReadableAtPageWidth(t *testing.T) {
	const page = 1000.0 // what a page of the repository's host shows
	for name, p := range pictures(t) {
		s := read(t, p.SVG())
		if s.width > 1400 && name != "batbern-crowded" {
			t.Errorf("%s is %v wide", name, s.width)
		}
		for _, a := range s.texts {
			if shown := a.size * min(1, page/s.width); shown < 8 && name != "batbern-crowded" {
				t.Errorf("%s: %q shows in %.1f pixels at page width", name, a.content, shown)
			}
		}
	}
}

func TestPictureSaysWhatTheStackHolds(t *testing.T) {
	svg := string(pictures(t)["batbern-prod"].SVG())
	for _, part := range []string{"www.batbern.ch", "api.batbern.ch", "CloudFront, WAF", "2 NAT gateways", "public subnets in 3 zones", "isolated subnets in 3 zones",
		"5 services", "attendee-experience", "2–6 × 0.5 vCPU, 1 GB", "RDS Proxy", "PostgreSQL 15", "db.t4g.medium, Multi-AZ, 50 GB", "Redis 7.1", "cache.t4g.micro, 2 nodes",
		"secretsmanager", "call each other on 8080–8084", "5432", "6379", "1 dashboard", "1 vault in eu-west-1", ">Observability<"} {
		if !strings.Contains(svg, part) {
			t.Errorf("the picture does not say %q", part)
		}
	}
	dev := string(pictures(t)["batbern-dev"].SVG())
	for _, part := range []string{"Redis", "6379", "ecr.api", "eu-west-1"} {
		if strings.Contains(dev, part) {
			t.Errorf("the picture of dev says %q, which dev does not have", part)
		}
	}
}

// arrows counts the arrows of a picture.
func arrows(t *testing.T, stack *treetest.Stack) int {
	t.Helper()
	p, err := diagram.Architecture(context.Background(), stack.Parse())
	if err != nil {
		t.Fatal(err)
	}
	return len(read(t, p.SVG()).paths)
}

func TestEveryAllowedFlowIsAnArrow(t *testing.T) {
	before := arrows(t, treetest.Golden(t, "batbern-dev"))
	opened := treetest.Golden(t, "batbern-dev")
	groups := map[string]string{}
	for _, g := range opened.Parse().OfType("aws_security_group") {
		groups[g.Label()] = g.Address()
	}
	opened.Add("aws_vpc_security_group_ingress_rule", "network/opened", treetest.Attrs{"security_group_id": treetest.Ref(groups["network/security_group_database"], "id"),
		"referenced_security_group_id": treetest.Ref(groups["network/security_group_load_balancer"], "id"), "from_port": 5432, "to_port": 5432})
	if after := arrows(t, opened); after != before+1 {
		t.Errorf("one more rule makes %d arrows of %d", after, before)
	}
	closed := treetest.Golden(t, "batbern-dev")
	closed.Remove("aws_vpc_security_group_egress_rule")
	if after := arrows(t, closed); after != before-6 {
		t.Errorf("without the six outward rules there are %d arrows of %d", after, before)
	}
}

func TestSameStackSameBytes(t *testing.T) {
	once := pictures(t)
	for range 4 { // Graphviz's memory is shared by all of a process's pictures, so the first draw alone proves little
		for name, again := range draw(t) {
			if !bytes.Equal(once[name].SVG(), again.SVG()) {
				t.Fatalf("%s differs between two runs", name)
			}
		}
	}
}

func TestPngIsThePicture(t *testing.T) {
	for _, name := range []string{"stacks", "batbern-dev"} {
		p := pictures(t)[name]
		first, err := p.PNG()
		if err != nil {
			t.Fatal(err)
		}
		second, err := p.PNG()
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s: two PNGs differ (%v)", name, err)
		}
		img, err := png.Decode(bytes.NewReader(first))
		if err != nil {
			t.Fatal(err)
		}
		s := read(t, p.SVG())
		if got := img.Bounds(); math.Abs(float64(got.Dx())-2*s.width) > 1 || math.Abs(float64(got.Dy())-2*s.height) > 1 {
			t.Errorf("%s: PNG is %v, want twice %v × %v", name, got, s.width, s.height)
		}
		for _, at := range s.texts { // wherever the SVG has text, the PNG has more than one colour
			seen := map[[3]uint32]bool{}
			for x := at.x; x < at.x+at.w; x++ {
				for y := at.y; y < at.y+at.h; y++ {
					r, g, b, _ := img.At(int(2*x), int(2*y)).RGBA()
					seen[[3]uint32{r, g, b}] = true
				}
			}
			if len(seen) < 2 {
				t.Errorf("%s: nothing is painted where %q should be", name, at.content)
			}
		}
	}
}

func TestSmallStacks(t *testing.T) {
	empty := treetest.New("batbern-empty")
	network := treetest.New("batbern-network")
	network.Add("aws_vpc", "network/vpc", treetest.Attrs{"cidr_block": "10.0.0.0/16"})
	for _, s := range []*treetest.Stack{empty, network} {
		p, err := diagram.Architecture(context.Background(), s.Parse())
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		read(t, p.SVG())
	}
}
