package replay

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestBar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := &bar{out: &out}
		b.show("reading", 0, 200<<20, "MiB", mib)
		b.show("reading", 50<<20, 200<<20, "MiB", mib) // too soon after the first
		<-time.After(2 * time.Second)
		b.show("reading", 100<<20, 200<<20, "MiB", mib)
		b.close()
		got := strings.Split(out.String(), "\r")
		want := "reading    [===============               ]  50 %  100 of 200 MiB, 50/s \x1b[K"
		if len(got) != 4 || got[2] != want || got[3] != "\x1b[K" {
			t.Errorf("drawn: %q, want three pieces, the second %q", got[1:], want)
		}
	})
}

// TestNoBar: what is no terminal stays free of it.
func TestNoBar(t *testing.T) {
	var out bytes.Buffer
	b := newBar(&out)
	b.show("reading", 1, 2, "MiB", 1)
	b.close()
	if out.Len() > 0 {
		t.Errorf("%q was written to what is no terminal", out.String())
	}
}
