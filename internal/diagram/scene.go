package diagram

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/color"
	"strings"
)

// scene is a picture made of few kinds of shapes, so that it can be written as SVG and painted as PNG alike. Lengths are
// in pixels, y grows downwards.
type scene struct {
	title, description string // for readers who do not see it
	width, height      float64
	shapes             []shape
}

type shape interface {
	svg(*bytes.Buffer)
	paint(painter)
}

type point struct{ x, y float64 }

type box struct{ x, y, w, h float64 }

func (b box) shifted(dx, dy float64) box { return box{b.x + dx, b.y + dy, b.w, b.h} }

// colour is a web colour, "#1f2933".
type colour string

func (c colour) rgba() color.RGBA {
	var r, g, b uint8
	_, _ = fmt.Sscanf(string(c), "#%02x%02x%02x", &r, &g, &b) // colours are constants of this package
	return color.RGBA{R: r, G: g, B: b, A: 255}
}

// mix is the colour as if laid thinly over white: 0 is white, 1 the colour.
func (c colour) mix(share float64) colour {
	at := func(v uint8) uint8 { return uint8(255 - share*(255-float64(v)) + 0.5) }
	v := c.rgba()
	return colour(fmt.Sprintf("#%02x%02x%02x", at(v.R), at(v.G), at(v.B)))
}

// rect is a rounded rectangle. role tells tests what it is: "card" for what text must not cross.
type rect struct {
	box
	radius       float64
	fill, stroke colour
	dashed       bool
	role         string
}

// label is one line of text; its box is where its font puts it.
type label struct {
	at     point // left end of the baseline, or its middle
	text   string
	size   float64
	bold   bool
	fill   colour
	middle bool
}

// curve is a chain of cubic Béziers.
type curve struct {
	points []point
	stroke colour
	width  float64
}

type polygon struct {
	points []point
	fill   colour
}

func (s *scene) add(shapes ...shape) { s.shapes = append(s.shapes, shapes...) }

// SVG writes the scene. The same scene gives the same bytes.
func (s *scene) SVG() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s" role="img" font-family="Liberation Sans, Arial, Helvetica, sans-serif">`+"\n",
		px(s.width), px(s.height), px(s.width), px(s.height))
	fmt.Fprintf(&b, "<title>%s</title>\n<desc>%s</desc>\n", escaped(s.title), escaped(s.description))
	rect{box: box{0, 0, s.width, s.height}, fill: "#ffffff"}.svg(&b)
	for _, shape := range s.shapes {
		shape.svg(&b)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func (r rect) svg(b *bytes.Buffer) {
	fmt.Fprintf(b, `<rect x="%s" y="%s" width="%s" height="%s" rx="%s" fill="%s"`, px(r.x), px(r.y), px(r.w), px(r.h), px(r.radius), r.fill)
	if r.stroke != "" {
		fmt.Fprintf(b, ` stroke="%s"`, r.stroke)
	}
	if r.dashed {
		b.WriteString(` stroke-dasharray="5 4"`)
	}
	if r.role != "" {
		fmt.Fprintf(b, ` class="%s"`, r.role)
	}
	b.WriteString("/>\n")
}

// svg gives the text the width of the font it was measured in, so that no other font can make it overlap.
func (l label) svg(b *bytes.Buffer) {
	fmt.Fprintf(b, `<text x="%s" y="%s" font-size="%s" fill="%s" textLength="%s" lengthAdjust="spacingAndGlyphs"`, px(l.at.x), px(l.at.y), px(l.size), l.fill, px(l.width()))
	if l.bold {
		b.WriteString(` font-weight="bold"`)
	}
	if l.middle {
		b.WriteString(` text-anchor="middle"`)
	}
	fmt.Fprintf(b, ">%s</text>\n", escaped(l.text))
}

func (c curve) svg(b *bytes.Buffer) {
	fmt.Fprintf(b, `<path d="M%s`, pair(c.points[0]))
	for i := 1; i+2 < len(c.points); i += 3 {
		fmt.Fprintf(b, " C%s %s %s", pair(c.points[i]), pair(c.points[i+1]), pair(c.points[i+2]))
	}
	fmt.Fprintf(b, `" fill="none" stroke="%s" stroke-width="%s"/>`+"\n", c.stroke, px(c.width))
}

func (p polygon) svg(b *bytes.Buffer) {
	var points []string
	for _, at := range p.points {
		points = append(points, pair(at))
	}
	fmt.Fprintf(b, `<polygon points="%s" fill="%s"/>`+"\n", strings.Join(points, " "), p.fill)
}

// px writes a length to a tenth of a pixel, which hides how the last bits of a float came out.
func px(x float64) string {
	s := fmt.Sprintf("%.1f", x)
	return strings.TrimSuffix(strings.Replace(s, "-0.0", "0.0", 1), ".0")
}

func pair(p point) string { return px(p.x) + "," + px(p.y) }

func escaped(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes all
	return b.String()
}
