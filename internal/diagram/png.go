package diagram

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"slices"

	"git.sr.ht/~sbinet/gg"
)

// painter draws a scene into pixels.
type painter struct {
	*gg.Context
	scale float64
}

// pngScale is how many pixels of the PNG make one of the picture, so that it is sharp on dense screens.
const pngScale = 2

// PNG paints the scene.
func (s *scene) PNG() ([]byte, error) {
	p := painter{gg.NewContext(int(s.width*pngScale), int(s.height*pngScale)), pngScale}
	p.SetColor(colour("#ffffff").rgba())
	p.Clear()
	for _, shape := range s.shapes {
		shape.paint(p)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, indexed(p.Image().(*image.RGBA))); err != nil {
		return nil, fmt.Errorf("write png: %w", err)
	}
	return b.Bytes(), nil
}

// indexed reduces an image to its 256 most frequent colours. The pictures are flat, so only the softening of edges has
// more, and the file, which is kept in the repository, becomes a third.
func indexed(full *image.RGBA) *image.Paletted {
	counts := map[color.RGBA]int{}
	for i := 0; i < len(full.Pix); i += 4 {
		counts[pixel(full, i)]++
	}
	colours := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	var palette color.Palette
	for _, c := range colours[:min(256, len(colours))] {
		palette = append(palette, c)
	}
	nearest := map[color.RGBA]uint8{}
	for _, c := range colours {
		nearest[c] = uint8(palette.Index(c))
	}
	small := image.NewPaletted(full.Bounds(), palette)
	for i := range small.Pix {
		small.Pix[i] = nearest[pixel(full, 4*i)]
	}
	return small
}

func pixel(of *image.RGBA, i int) color.RGBA {
	return color.RGBA{R: of.Pix[i], G: of.Pix[i+1], B: of.Pix[i+2], A: 255}
}

func (r rect) paint(p painter) {
	p.DrawRoundedRectangle(r.x*p.scale, r.y*p.scale, r.w*p.scale, r.h*p.scale, r.radius*p.scale)
	p.SetColor(r.fill.rgba())
	if r.stroke == "" {
		p.Fill()
		return
	}
	p.FillPreserve()
	if r.dashed {
		p.SetDash(5*p.scale, 4*p.scale)
	}
	p.SetColor(r.stroke.rgba())
	p.SetLineWidth(p.scale)
	p.Stroke()
	p.SetDash()
}

func (l label) paint(p painter) {
	f := face(l.size*p.scale, l.bold)
	defer f.Close()
	p.SetFontFace(f)
	p.SetColor(l.fill.rgba())
	x := l.at.x
	if l.middle {
		x -= l.width() / 2
	}
	p.DrawString(l.text, x*p.scale, l.at.y*p.scale)
}

func (c curve) paint(p painter) {
	p.MoveTo(c.points[0].x*p.scale, c.points[0].y*p.scale)
	for i := 1; i+2 < len(c.points); i += 3 {
		a, b, end := c.points[i], c.points[i+1], c.points[i+2]
		p.CubicTo(a.x*p.scale, a.y*p.scale, b.x*p.scale, b.y*p.scale, end.x*p.scale, end.y*p.scale)
	}
	p.SetColor(c.stroke.rgba())
	p.SetLineWidth(c.width * p.scale)
	p.Stroke()
}

func (g polygon) paint(p painter) {
	for i, at := range g.points {
		if i == 0 {
			p.MoveTo(at.x*p.scale, at.y*p.scale)
			continue
		}
		p.LineTo(at.x*p.scale, at.y*p.scale)
	}
	p.ClosePath()
	p.SetColor(g.fill.rgba())
	p.Fill()
}
