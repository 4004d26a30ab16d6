package output

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// Whatever changes, whatever is lost and however it is cut: once a merger has been told,
// it has the sum of what the partitions have.
func TestMergeIsTheSum(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	compared := 0
	for i := range 12 {
		w := &world{t: t, r: rand.New(rand.NewPCG(seed, uint64(i))), merger: NewMerger(layout), now: start}
		for n := range 4 {
			w.workers = append(w.workers, &sender{partition: uint16(n), epoch: 1, now: make(known)})
		}
		for range 150 {
			w.step()
			if t.Failed() {
				t.Fatalf("seed %d, world %d", seed, i)
			}
		}
		compared += w.compared
		for _, k := range w.kept {
			if diff := cmp.Diff(k.copied, k.merged.Totals); diff != "" {
				t.Fatalf("seed %d, world %d: what was handed out has changed:\n%s", seed, i, diff)
			}
		}
	}
	if compared < 500 {
		t.Errorf("only %d of 1800 sums were compared", compared)
	}
}

// known is what a partition has, by team and window.
type known map[[2]string]kpi.Totals

func (k known) clone() known {
	out := maps.Clone(k)
	for key, t := range out {
		t.Values, t.Openings, t.Oldest = t.Values.Clone(), t.Openings.Clone(), slices.Clone(t.Oldest)
		out[key] = t
	}
	return out
}

// sender plays a worker and one listener to it.
type sender struct {
	partition     uint16
	epoch, number uint64
	now, sent     known // what there is, and what has been published
	needsFull     bool
	told          known // what the listener has been told
	telling       bool  // and can be told by changes
	mixed         bool  // it has half of a set
	heard         time.Time
}

type kept struct {
	merged *Merged
	copied []kpi.Totals
}

type world struct {
	t       *testing.T
	r       *rand.Rand
	merger  *Merger
	workers []*sender
	now     time.Time
	kept    []kept

	compared int // sums
}

const worldSilence = 3 * time.Second

func (w *world) step() {
	w.now = w.now.Add(time.Duration(w.r.IntN(1000)) * time.Millisecond)
	s := w.workers[w.r.IntN(len(w.workers))]
	if w.r.IntN(30) == 0 { // another worker takes over
		s.epoch, s.number, s.sent = s.epoch+1, uint64(w.r.IntN(5)), nil
	}
	for range w.r.IntN(6) {
		w.change(s)
	}
	w.publish(s)
	w.check()
}

func (w *world) change(s *sender) {
	key := [2]string{fmt.Sprint("team ", w.r.IntN(5)), []string{"1h", "all", "month"}[w.r.IntN(3)]}
	t, ok := s.now[key]
	if !ok {
		t = kpi.Totals{Tenant: "acme", Window: key[1], Group: teamGroup(key[0])}
	}
	if w.r.IntN(6) == 0 {
		delete(s.now, key)
		return
	}
	to := int64(w.r.IntN(4)) // often 0, so that slots empty
	slot := uint16(w.r.IntN(6))
	t.Values.Add(slot, to-t.Values.At(slot))
	switch key[1] {
	case "month":
		t.Openings.Add(slot, to-t.Openings.At(slot))
	case "all":
		t.Oldest = nil
		for measure := range uint16(3) {
			if at := w.r.Int64N(4); at > 0 {
				t.Oldest = append(t.Oldest, kpi.OldestEntry{Measure: measure, At: at})
			}
		}
	}
	s.now[key] = t
	if len(t.Values)+len(t.Openings)+len(t.Oldest) == 0 {
		delete(s.now, key)
	}
}

// publish sends what the sender should, cut into pieces, some of which get lost.
func (w *world) publish(s *sender) {
	full := s.sent == nil || s.needsFull || w.r.IntN(20) == 0
	var totals []kpi.Totals
	for _, t := range s.now.clone() {
		totals = append(totals, t)
	}
	if !full {
		totals = changes(s.sent, s.now.clone())
	}
	w.r.Shuffle(len(totals), func(i, j int) { totals[i], totals[j] = totals[j], totals[i] })
	s.sent, s.needsFull = s.now.clone(), false
	for first := true; first || len(totals) > 0; first = false {
		n := min(len(totals), 1+w.r.IntN(8))
		s.number++
		message := &kpi.TotalsSet{
			Partition: s.partition, Partitions: 4, Epoch: s.epoch, Number: s.number, Layout: layout,
			At: w.now.Unix(), Full: full && first, More: n < len(totals), Totals: totals[:n],
		}
		totals = totals[n:]
		if w.r.IntN(15) == 0 {
			s.telling = false
			s.mixed = s.mixed || full || !first // perhaps half of it is known
			continue
		}
		w.tell(s, message, full)
	}
	if full && s.telling {
		s.mixed = false
	}
	if s.telling {
		s.told, s.heard = s.now.clone(), w.now
	}
}

func (w *world) tell(s *sender, message *kpi.TotalsSet, full bool) {
	decoded, err := kpi.DecodeTotalsSet(kpi.EncodeTotalsSet(nil, message))
	if err != nil {
		w.t.Fatal(err)
	}
	if decoded.Full {
		s.telling = true
	}
	want := Taken
	if !s.telling {
		want = NeedFull
		s.needsFull = w.r.IntN(3) > 0 // or the asking is lost, too
	}
	if got := w.merger.Add(decoded, w.now); got != want {
		w.t.Errorf("got %d, want %d for %+v", got, want, message)
	}
	if want == Taken {
		s.heard = w.now
		s.mixed = s.mixed || full && message.More
	}
}

// changes are the slots that differ, and 0 where nothing is any more.
func changes(before, after known) (out []kpi.Totals) {
	for key, t := range after {
		was := before[key]
		values, reopened := differ(was.Values, t.Values), !slices.Equal(was.Openings, t.Openings)
		if len(values) > 0 || reopened || !slices.Equal(was.Oldest, t.Oldest) {
			t.Values, t.Openings = values, complete(t.Openings, reopened)
			out = append(out, t)
		}
	}
	for key, t := range before {
		if _, ok := after[key]; !ok {
			t.Values, t.Openings, t.Oldest = differ(t.Values, nil), complete(nil, len(t.Openings) > 0), nil
			out = append(out, t)
		}
	}
	return out
}

// complete is all of changed openings, and a 0 where nothing is left of them.
func complete(openings window.Vector, changed bool) window.Vector {
	if !changed {
		return nil
	}
	if len(openings) == 0 {
		return window.Vector{{}}
	}
	return openings
}

func differ(before, after window.Vector) (out window.Vector) {
	for slot := range uint16(6) {
		if before.At(slot) != after.At(slot) {
			out = append(out, window.Entry{Slot: slot, Value: after.At(slot)})
		}
	}
	return out
}

// check compares with the sum of what the listener was told, taken anew.
func (w *world) check() {
	merged := w.merger.Merge(w.now, worldSilence)
	type sums struct {
		Values, Openings [6]int64
		Oldest           [3]int64
	}
	want, got := make(map[[2]string]sums), make(map[[2]string]sums)
	put := func(into map[[2]string]sums, key [2]string, t *kpi.Totals) {
		s := into[key]
		for _, e := range t.Values {
			s.Values[e.Slot] += e.Value
		}
		for _, e := range t.Openings {
			s.Openings[e.Slot] += e.Value
		}
		for _, o := range t.Oldest {
			if s.Oldest[o.Measure] == 0 || o.At < s.Oldest[o.Measure] {
				s.Oldest[o.Measure] = o.At
			}
		}
		if s != (sums{}) {
			into[key] = s
		}
	}
	for _, s := range w.workers {
		if s.mixed {
			return
		}
		if stale := s.told == nil || w.now.Sub(s.heard) > worldSilence; stale {
			if merged.Partitions != 0 && !slices.Contains(merged.Stale, s.partition) {
				w.t.Errorf("partition %d is silent, and stale are %v", s.partition, merged.Stale)
			}
			continue
		}
		for key, t := range s.told {
			put(want, key, &t)
		}
	}
	for i := range merged.Totals {
		t := &merged.Totals[i]
		put(got, [2]string{t.Group.Dims[kpi.Team], t.Window}, t)
	}
	w.compared++
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("(-want +got):\n%s", diff)
	}
	if w.r.IntN(20) == 0 {
		k := kept{merged: merged, copied: []kpi.Totals{}}
		for _, t := range merged.Totals {
			t.Values, t.Openings, t.Oldest = t.Values.Clone(), t.Openings.Clone(), slices.Clone(t.Oldest)
			k.copied = append(k.copied, t)
		}
		w.kept = append(w.kept, k)
	}
}
