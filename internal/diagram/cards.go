package diagram

import "math"

const (
	titleSize    = 14.0
	subtitleSize = 12.0
	tile         = 34.0 // side of a card's coloured square
	cardHeight   = 52.0
	itemHeight   = 38.0
	gap          = 10.0
)

// card is what a node shows: a tile with an abbreviation, two lines of text, and items in a grid.
type card struct {
	mark, title, subtitle string
	colour                colour
	items                 []item
	columns               int // of the items
}

type item struct{ title, subtitle string }

// head is the width of the tile and the two lines.
func (c card) head() float64 {
	return gap + tile + gap + max(measure(c.title, titleSize, true), measure(c.subtitle, subtitleSize, false)) + gap + 4
}

func (i item) width() float64 {
	return max(measure(i.title, subtitleSize, true), measure(i.subtitle, 11, false)) + 2*gap
}

// grid is the size of one item and the number of rows.
func (c card) grid() (width float64, rows int) {
	for _, i := range c.items {
		width = max(width, i.width())
	}
	return width, int(math.Ceil(float64(len(c.items)) / float64(max(1, c.columns))))
}

func (c card) size() point {
	if len(c.items) == 0 {
		return point{math.Ceil(c.head()), cardHeight}
	}
	width, rows := c.grid()
	columns := float64(min(c.columns, len(c.items)))
	return point{
		math.Ceil(max(c.head(), columns*width+(columns+1)*gap)),
		cardHeight + float64(rows)*(c.itemHeight()+gap),
	}
}

// itemHeight is lower where no item has a second line.
func (c card) itemHeight() float64 {
	for _, i := range c.items {
		if i.subtitle != "" {
			return itemHeight
		}
	}
	return 24
}

func (c card) draw(s *scene, b box) {
	s.add(rect{box: b, radius: 8, fill: "#ffffff", stroke: c.colour, role: "card"})
	s.add(rect{box: box{b.x + gap - 1, b.y + (cardHeight-tile)/2, tile, tile}, radius: 7, fill: c.colour})
	size := 13.0
	for measure(c.mark, size, true) > tile-6 {
		size--
	}
	s.add(label{at: point{b.x + gap - 1 + tile/2, b.y + cardHeight/2 + size*0.36}, text: c.mark, size: size, bold: true, fill: "#ffffff", middle: true})
	x := b.x + gap + tile + gap
	if c.subtitle == "" {
		s.add(label{at: point{x, b.y + cardHeight/2 + 5}, text: c.title, size: titleSize, bold: true, fill: ink})
	} else {
		s.add(label{at: point{x, b.y + cardHeight/2 - 4}, text: c.title, size: titleSize, bold: true, fill: ink})
		s.add(label{at: point{x, b.y + cardHeight/2 + 13}, text: c.subtitle, size: subtitleSize, fill: soft})
	}
	c.drawItems(s, b)
}

func (c card) drawItems(s *scene, b box) {
	if len(c.items) == 0 {
		return
	}
	columns := float64(min(c.columns, len(c.items)))
	width := (b.w - (columns+1)*gap) / columns
	for i, it := range c.items {
		column, row := i%int(columns), i/int(columns)
		at := box{b.x + gap + float64(column)*(width+gap), b.y + cardHeight + float64(row)*(c.itemHeight()+gap), width, c.itemHeight()}
		s.add(rect{box: at, radius: 6, fill: c.colour.mix(0.09), stroke: c.colour.mix(0.35)})
		if it.subtitle == "" {
			s.add(label{at: point{at.x + gap, at.y + at.h/2 + 4.5}, text: it.title, size: subtitleSize, bold: true, fill: ink})
			continue
		}
		s.add(label{at: point{at.x + gap, at.y + 16}, text: it.title, size: subtitleSize, bold: true, fill: ink})
		s.add(label{at: point{at.x + gap, at.y + 30}, text: it.subtitle, size: 11, fill: soft})
	}
}

// drawArea draws a frame and those inside it.
func drawArea(s *scene, a *area) {
	if a.box.w > 0 {
		s.add(rect{box: a.box, radius: 10, fill: a.colour.mix(0.06), stroke: a.colour.mix(0.55), dashed: true, role: "area"})
	}
	for _, inner := range a.areas {
		drawArea(s, inner)
	}
}

// drawAreaTitles comes after the arrows: where one passes, it passes behind the title.
func drawAreaTitles(s *scene, a *area) {
	if a.box.w > 0 {
		plate := a.titlePlate()
		s.add(rect{box: plate, radius: 4, fill: a.colour.mix(0.06), role: "plate"})
		s.add(label{at: point{plate.x + 4, plate.y + 13}, text: a.title, size: labelSize, bold: true, fill: a.colour})
	}
	for _, inner := range a.areas {
		drawAreaTitles(s, inner)
	}
}

// drawFlow draws an arrow in the colour of where it starts, so that it can be followed among others.
func drawFlow(s *scene, f *flow, c colour) {
	if len(f.points) < 4 {
		return
	}
	s.add(curve{points: f.points, stroke: c.mix(0.8), width: 1.5})
	last := f.points[len(f.points)-1]
	dx, dy := f.tip.x-last.x, f.tip.y-last.y
	if n := math.Hypot(dx, dy); n > 0 {
		nx, ny := -dy/n*4, dx/n*4
		s.add(polygon{points: []point{f.tip, {last.x + nx, last.y + ny}, {last.x - nx, last.y - ny}}, fill: c.mix(0.8)})
	}
}

// drawFlowLabel sets the label on a white plate, so that a line behind it does not cross it out.
func drawFlowLabel(s *scene, f *flow, c colour) {
	if f.label == "" {
		return
	}
	s.add(rect{box: f.plate(), radius: 4, fill: "#ffffff", stroke: c.mix(0.5), role: "plate"})
	s.add(label{at: point{f.labelAt.x, f.labelAt.y + 4.3}, text: f.label, size: labelSize, fill: ink, middle: true})
}

// drawOn draws the placed drawing: frames, arrows, their labels, and cards above all.
func (d *drawing) drawOn(s *scene) {
	d.settle()
	drawArea(s, &d.root)
	for _, f := range d.flows {
		drawFlow(s, f, d.node(f.from).colour)
	}
	drawAreaTitles(s, &d.root)
	for _, f := range d.flows {
		drawFlowLabel(s, f, d.node(f.from).colour)
	}
	for _, n := range d.nodes {
		n.draw(s, n.box)
	}
}

// shift moves all that was placed.
func (d *drawing) shift(dx, dy float64) {
	move := func(p *point) { p.x, p.y = p.x+dx, p.y+dy }
	for _, n := range d.nodes {
		n.box = n.box.shifted(dx, dy)
	}
	for _, f := range d.flows {
		for i := range f.points {
			move(&f.points[i])
		}
		move(&f.tip)
		move(&f.labelAt)
	}
	d.root.shift(dx, dy)
}

func (a *area) shift(dx, dy float64) {
	a.box = a.box.shifted(dx, dy)
	for _, inner := range a.areas {
		inner.shift(dx, dy)
	}
}
