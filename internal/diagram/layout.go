package diagram

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/goccy/go-graphviz"
)

// drawing is what is to be placed: nodes of known size in ranks from top to bottom, in nested areas, joined by flows.
type drawing struct {
	nodes []*node
	flows []*flow
	root  area
	// ordered keeps the nodes that arrows from one node lead to in their order, from left to right.
	ordered bool
}

// area is a frame around nodes and further areas.
type area struct {
	name, title string
	colour      colour
	areas       []*area
	box         box
	below       bool    // the title is at the frame's foot: arrows come from above
	titleX      float64 // from the frame's left edge, after placing
}

// node is a card.
type node struct {
	name   string
	area   string // name of the area it lies in, "" outside of all
	rank   int    // row from the top
	size   point
	box    box // after placing
	colour colour
	draw   func(*scene, box)
}

// flow is an arrow. Its label is set onto it.
type flow struct {
	from, to string
	label    string
	points   []point
	tip      point
	labelAt  point
}

const (
	labelSize   = 12.0
	labelHeight = 17.0
	titleHeight = 22.0 // of an area
)

// start starts the process's one Graphviz. Neither it nor a graph is ever closed: go-graphviz frees memory twice then,
// after which every further layout is refused or garbled. A picture leaves a few hundred kilobytes behind.
var start = sync.OnceValues(func() (*graphviz.Graphviz, error) { return graphviz.New(context.Background()) })

// one is held while Graphviz works: all its calls share one WebAssembly memory.
var one sync.Mutex

// place has Graphviz lay the drawing out and takes over the coordinates. It returns the size.
func (d *drawing) place(ctx context.Context) (point, error) {
	one.Lock()
	defer one.Unlock()
	gv, err := start()
	if err != nil {
		return point{}, fmt.Errorf("start graphviz: %w", err)
	}
	graph, err := graphviz.ParseBytes([]byte(d.dot()))
	if err != nil {
		return point{}, fmt.Errorf("give the picture to graphviz: %w", err)
	}
	var out bytes.Buffer
	if err := gv.Render(ctx, graph, "json0", &out); err != nil {
		return point{}, fmt.Errorf("lay the picture out: %w", err)
	}
	return d.take(out.Bytes())
}

// dot writes the drawing in Graphviz's language. Lengths are pixels there too, at 72 dots an inch.
func (d *drawing) dot() string {
	var b strings.Builder
	b.WriteString("digraph {\n graph [newrank=true rankdir=TB nodesep=0.35 ranksep=0.42 splines=true outputorder=edgeslast]\n" +
		" node [shape=box fixedsize=true label=\"\"]\n edge [arrowsize=0.8]\n")
	if d.ordered {
		b.WriteString(" graph [ordering=out]\n")
	}
	d.dotArea(&b, &d.root)
	d.dotRanks(&b)
	for i, f := range d.flows {
		from, to := d.node(f.from), d.node(f.to)
		attributes := fmt.Sprintf("id=%d", i)
		if f.label != "" {
			attributes += fmt.Sprintf(` label=<<TABLE BORDER="0" CELLBORDER="0" CELLPADDING="0" CELLSPACING="0"><TR><TD FIXEDSIZE="TRUE" WIDTH="%d" HEIGHT="%d"></TD></TR></TABLE>>`, int(measure(f.label, labelSize, false))+16, int(labelHeight)+6)
		}
		if from.rank > to.rank { // upwards: Graphviz ranks the other way round
			fmt.Fprintf(&b, " %q -> %q [%s dir=back]\n", f.to, f.from, attributes)
			continue
		}
		fmt.Fprintf(&b, " %q -> %q [%s]\n", f.from, f.to, attributes)
	}
	b.WriteString("}\n")
	return b.String()
}

func (d *drawing) dotArea(b *strings.Builder, a *area) {
	if a.name != "" {
		width := int(measure(a.title, labelSize, true)) + 8
		fmt.Fprintf(b, " subgraph %q { graph [margin=14 labeljust=l labelloc=%s label=<<TABLE BORDER=\"0\" CELLPADDING=\"0\" CELLSPACING=\"0\"><TR><TD FIXEDSIZE=\"TRUE\" WIDTH=\"%d\" HEIGHT=\"%d\"></TD></TR></TABLE>>]\n", "cluster_"+a.name, when(a.below, "b", "t"), width, int(titleHeight))
	}
	for _, n := range d.nodes {
		if n.area == a.name {
			fmt.Fprintf(b, " %q [width=%.4f height=%.4f]\n", n.name, n.size.x/72, n.size.y/72)
		}
	}
	for _, inner := range a.areas {
		d.dotArea(b, inner)
	}
	if a.name != "" {
		b.WriteString(" }\n")
	}
}

// dotRanks puts the nodes of a rank into one row and the rows below each other.
func (d *drawing) dotRanks(b *strings.Builder) {
	rows := map[int][]string{}
	last := 0
	for _, n := range d.nodes {
		rows[n.rank] = append(rows[n.rank], n.name)
		last = max(last, n.rank)
	}
	before := ""
	for rank := 0; rank <= last; rank++ {
		if len(rows[rank]) == 0 {
			continue
		}
		b.WriteString(" { rank=same")
		for _, name := range rows[rank] {
			fmt.Fprintf(b, "; %q", name)
		}
		b.WriteString(" }\n")
		if before != "" {
			fmt.Fprintf(b, " %q -> %q [style=invis weight=0]\n", before, rows[rank][0])
		}
		before = rows[rank][0]
	}
}

func (d *drawing) node(name string) *node {
	for _, n := range d.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

// take reads Graphviz's answer: centres of nodes, frames of areas, splines of flows.
func (d *drawing) take(answer []byte) (point, error) {
	var placed struct {
		Bb      string
		Objects []struct{ Name, Pos, Bb string }
		Edges   []struct{ Id, Pos, Lp string }
	}
	if err := json.Unmarshal(answer, &placed); err != nil {
		return point{}, fmt.Errorf("read graphviz's answer: %w", err)
	}
	whole := numbers(placed.Bb)
	if len(whole) != 4 {
		return point{}, fmt.Errorf("graphviz answers with no size: %q", placed.Bb)
	}
	height := whole[3]
	flip := func(x, y float64) point { return point{x, height - y} } // Graphviz counts y upwards
	for _, o := range placed.Objects {
		if name, ok := strings.CutPrefix(o.Name, "cluster_"); ok {
			if bb := numbers(o.Bb); len(bb) == 4 {
				d.root.find(name).box = box{bb[0], height - bb[3], bb[2] - bb[0], bb[3] - bb[1]}
			}
			continue
		}
		if n, at := d.node(o.Name), numbers(o.Pos); n != nil && len(at) == 2 {
			c := flip(at[0], at[1])
			n.box = box{c.x - n.size.x/2, c.y - n.size.y/2, n.size.x, n.size.y}
		}
	}
	for _, e := range placed.Edges {
		i, err := strconv.Atoi(e.Id)
		if err != nil { // the invisible ones between the rows
			continue
		}
		f := d.flows[i]
		for _, part := range strings.Fields(e.Pos) {
			at := numbers(strings.TrimPrefix(strings.TrimPrefix(part, "e,"), "s,"))
			if len(at) != 2 {
				return point{}, fmt.Errorf("graphviz answers with no point: %q", part)
			}
			if p := flip(at[0], at[1]); strings.HasPrefix(part, "e,") || strings.HasPrefix(part, "s,") {
				f.tip = p
			} else {
				f.points = append(f.points, p)
			}
		}
		if at := numbers(e.Lp); len(at) == 2 {
			f.labelAt = flip(at[0], at[1])
		}
		if strings.HasPrefix(e.Pos, "s,") { // it was written the other way round
			for a, b := 0, len(f.points)-1; a < b; a, b = a+1, b-1 {
				f.points[a], f.points[b] = f.points[b], f.points[a]
			}
		}
	}
	return point{whole[2], height}, nil
}

func (a *area) find(name string) *area {
	if a.name == name {
		return a
	}
	for _, inner := range a.areas {
		if found := inner.find(name); found != nil {
			return found
		}
	}
	return nil
}

func numbers(text string) []float64 {
	var found []float64
	for part := range strings.SplitSeq(text, ",") {
		x, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return nil
		}
		found = append(found, x)
	}
	return found
}
