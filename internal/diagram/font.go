package diagram

import (
	"fmt"
	"sync"

	"github.com/go-fonts/liberation/liberationsansbold"
	"github.com/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
)

// The pictures are set in Liberation Sans, whose widths are those of Arial: an SVG looks alike where only that is there.
var parsed = sync.OnceValue(func() [2]*opentype.Font {
	var fonts [2]*opentype.Font
	for i, ttf := range [][]byte{liberationsansregular.TTF, liberationsansbold.TTF} {
		f, err := opentype.Parse(ttf)
		if err != nil {
			panic(fmt.Sprintf("the font that is part of the program cannot be read: %v", err))
		}
		fonts[i] = f
	}
	return fonts
})

// face is the font in a size of pixels.
func face(size float64, bold bool) font.Face {
	f := parsed()[0]
	if bold {
		f = parsed()[1]
	}
	made, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		panic(fmt.Sprintf("the font that is part of the program has no size %v: %v", size, err))
	}
	return made
}

// measure is the width of a text.
func measure(text string, size float64, bold bool) float64 {
	f := face(size, bold)
	defer f.Close()
	return float64(font.MeasureString(f, text)) / 64
}

func (l label) width() float64 { return measure(l.text, l.size, l.bold) }
