package replay

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// bar shows on a terminal how far a replay is. Elsewhere it shows nothing.
type bar struct {
	out   io.Writer // nil where it is no terminal
	label string
	start time.Time // of what is labelled
	shown time.Time
	bad   int // bad rows so far
}

const (
	barWidth = 30
	barEvery = 200 * time.Millisecond
)

func newBar(w io.Writer) *bar {
	b := &bar{}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		b.out = w
	}
	return b
}

// show draws the bar, at most five times a second. Amounts are divided by scale.
func (b *bar) show(label string, done, total int64, unit string, scale int64) {
	if b.out == nil || time.Since(b.shown) < barEvery && label == b.label {
		return
	}
	b.shown = time.Now()
	if label != b.label {
		b.label, b.start = label, b.shown
	}
	rate := float64(done) / float64(scale) / max(time.Since(b.start).Seconds(), 0.2)
	fmt.Fprintf(b.out, "\r%-10s %s %3d %%  %d of %d %s, %.0f/s \x1b[K", label, drawBar(done, total), percent(done, total), done/scale, total/scale, unit, rate)
}

func drawBar(done, total int64) string {
	full := int(percent(done, total)) * barWidth / 100
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", barWidth-full) + "]"
}

func percent(done, total int64) int64 {
	if total <= 0 {
		return 100
	}
	return min(100, done*100/total)
}

// close wipes the bar.
func (b *bar) close() {
	if b.out != nil {
		fmt.Fprint(b.out, "\r\x1b[K")
	}
}
