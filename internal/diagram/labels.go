package diagram

import (
	"cmp"
	"math"
	"slices"
)

// Labels come last: titles of frames go where no arrow passes, and an arrow's label onto the arrow itself, where neither
// another arrow nor a card nor another label is, as near to the arrow's middle as that allows.

// settle finds the places of all titles and labels of what is placed.
func (d *drawing) settle() {
	d.confine()
	var taken []box
	for _, n := range d.nodes {
		taken = append(taken, n.box)
	}
	d.settleTitles(&d.root, &taken)
	for i, f := range d.flows {
		if f.label == "" || len(f.points) < 4 {
			continue
		}
		f.labelAt = d.bestPlace(i, taken)
		taken = append(taken, f.plate())
	}
}

// confine keeps each arrow inside the innermost frame that holds both of its ends: what it stands for stays there too.
// Graphviz goes around other cards without regard to frames.
func (d *drawing) confine() {
	const clearance = 8
	for _, f := range d.flows {
		frame := d.root.around(d.node(f.from).box, d.node(f.to).box)
		if frame == nil || len(f.points) < 4 {
			continue
		}
		first, last := f.points[0].x, f.points[len(f.points)-1].x
		f.squeeze(min(first, last), frame.box.x+clearance)
		f.squeeze(max(first, last), frame.box.x+frame.box.w-clearance)
	}
}

// squeeze draws in what lies beyond a limit, seen from a line that stays, so that the arrow keeps its roundness.
func (f *flow) squeeze(stays, limit float64) {
	furthest := 0.0
	for _, p := range f.points {
		furthest = max(furthest, (p.x-stays)/(limit-stays))
	}
	if furthest <= 1 {
		return
	}
	for i, p := range f.points {
		if (p.x-stays)*(limit-stays) > 0 {
			f.points[i].x = stays + (p.x-stays)/furthest
		}
	}
}

// around is the innermost frame that holds all of the boxes, nil for none.
func (a *area) around(boxes ...box) *area {
	for _, inner := range a.areas {
		if found := inner.around(boxes...); found != nil {
			return found
		}
	}
	for _, b := range boxes {
		if !a.box.has(point{b.x, b.y}) || !a.box.has(point{b.x + b.w, b.y + b.h}) {
			return nil
		}
	}
	return a
}

// settleTitles moves titles to the right until no arrow passes behind them. One that finds no such place stays.
func (d *drawing) settleTitles(a *area, taken *[]box) {
	if a.box.w > 0 {
		const step = 4.0
		for x := 8.0; x+a.titlePlate().w+8 <= a.box.w; x += step {
			a.titleX = x
			if d.crossings(a.titlePlate(), -1) == 0 {
				break
			}
			a.titleX = 0
		}
		*taken = append(*taken, a.titlePlate())
	}
	for _, inner := range a.areas {
		d.settleTitles(inner, taken)
	}
}

// titlePlate is what a frame's title covers.
func (a *area) titlePlate() box {
	height := titleHeight - 4
	return box{a.box.x + max(8, a.titleX), when(a.below, a.box.y+a.box.h-height-6, a.box.y+6), measure(a.title, labelSize, true) + 8, height}
}

// plate is what an arrow's label covers.
func (f *flow) plate() box {
	w := measure(f.label, labelSize, false) + 10
	return box{f.labelAt.x - w/2, f.labelAt.y - labelHeight/2, w, labelHeight}
}

// bestPlace is the point of the arrow that its label disturbs least at.
func (d *drawing) bestPlace(index int, taken []box) point {
	f := *d.flows[index]
	type place struct {
		at    point
		fault int     // how much lies below the label
		off   float64 // how far from the arrow's middle
	}
	var places []place
	walk := walked(f.points)
	for i, at := range walk {
		f.labelAt = at
		plate := f.plate()
		fault := d.crossings(plate, index)
		for _, other := range taken {
			if plate.grown(4).meets(other) {
				fault += 100
			}
		}
		if d.root.edgeAcross(plate) {
			fault++
		}
		places = append(places, place{at, fault, math.Abs(float64(i)/float64(len(walk)) - 0.5)})
	}
	return slices.MinFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.fault, b.fault), cmp.Compare(a.off, b.off)) }).at
}

// crossings is how many arrows pass below a plate, that of the index left out.
func (d *drawing) crossings(plate box, index int) int {
	count := 0
	for i, f := range d.flows {
		if i != index && slices.ContainsFunc(walked(f.points), plate.grown(3).has) {
			count += 10
		}
	}
	return count
}

// edgeAcross says whether a frame's edge runs below the plate.
func (a *area) edgeAcross(plate box) bool {
	if a.box.w > 0 && a.box.meets(plate) && !(a.box.has(point{plate.x, plate.y}) && a.box.has(point{plate.x + plate.w, plate.y + plate.h})) {
		return true
	}
	return slices.ContainsFunc(a.areas, func(inner *area) bool { return inner.edgeAcross(plate) })
}

// walked are points along a chain of Béziers, a few pixels apart.
func walked(points []point) []point {
	var out []point
	for i := 0; i+3 < len(points); i += 3 {
		a, b, c, d := points[i], points[i+1], points[i+2], points[i+3]
		steps := max(8, math.Ceil(math.Hypot(d.x-a.x, d.y-a.y)/4))
		for n := 0.0; n <= steps; n++ {
			t, u := n/steps, 1-n/steps
			mix := func(a, b, c, d float64) float64 { return u*u*u*a + 3*u*u*t*b + 3*u*t*t*c + t*t*t*d }
			out = append(out, point{mix(a.x, b.x, c.x, d.x), mix(a.y, b.y, c.y, d.y)})
		}
	}
	return out
}

func (b box) grown(by float64) box { return box{b.x - by, b.y - by, b.w + 2*by, b.h + 2*by} }

func (b box) has(p point) bool { return p.x > b.x && p.x < b.x+b.w && p.y > b.y && p.y < b.y+b.h }

func (b box) meets(other box) bool {
	return b.x < other.x+other.w && other.x < b.x+b.w && b.y < other.y+other.h && other.y < b.y+b.h
}
