package board

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
	"github.com/deskpulse/deskpulse/services/embedded/natsd"
)

// set is what one of two partitions knows: n of 2n open requests are overdue.
func set(partition uint16, at, n int64, full bool) *kpi.TotalsSet {
	s := newSheet()
	s.Overdue("acme", kpi.Group{}, n, 2*n)
	return &kpi.TotalsSet{
		Partition: partition, Partitions: 2, Epoch: 1, Position: uint64(at), Layout: compiled().Layout, At: at, Full: full, Totals: s.Totals(),
	}
}

// follow is a follower from some time on.
func follow(begin time.Time) *follower { return newFollower(compiled().Layout, zap.NewNop(), begin) }

// overdueOf is the number of overdue tickets in a snapshot; -1 where there are no totals.
func overdueOf(s *Snapshot) int64 {
	m, _ := compiled().Find("tickets_overdue")
	for i := range s.Totals {
		if s.Totals[i].Window == everything {
			return s.Totals[i].Values.At(m.Slot)
		}
	}
	return -1
}

func TestSilentPartitionIsNamedAndLeftOut(t *testing.T) {
	begin := time.Unix(now, 0).UTC()
	after := func(s float64) time.Time { return begin.Add(time.Duration(s * float64(time.Second))) }
	f := follow(begin)
	overdue := func(s Snapshot) int64 { return overdueOf(&s) }

	f.add(set(0, now, 3, true), after(0.2))
	if m := f.merge(after(0.5)); m != nil {
		t.Errorf("shown before both partitions were heard from: %v", m)
	}
	f.add(set(1, now, 5, true), after(0.7))
	s := f.snapshot(f.merge(after(1)))
	if overdue(s) != 8 || s.Silent != nil || s.Partitions != 2 || s.At != now {
		t.Errorf("both: %+v", s)
	}
	if m := f.merge(after(1.2)); m != nil {
		t.Errorf("shown again without news: %v", m)
	}
	change := set(0, now+4, 4, false)
	change.Number = 1
	f.add(change, after(4))
	s = f.snapshot(f.merge(after(4)))
	if want := []Silent{{1, begin}}; overdue(s) != 4 || !reflect.DeepEqual(s.Silent, want) {
		t.Errorf("one is silent: %+v, want %v", s, want)
	}
	s = f.snapshot(f.merge(after(8)))
	if overdue(s) != -1 || len(s.Silent) != 2 || s.At != 0 {
		t.Errorf("both are silent: %+v", s)
	}
}

func TestPartitionNeverHeardOfIsSilentFromTheStart(t *testing.T) {
	begin := time.Unix(now, 0).UTC()
	f := follow(begin)
	f.add(set(1, now+3, 5, true), begin.Add(3*time.Second))
	s := f.snapshot(f.merge(begin.Add(3 * time.Second)))
	if want := []Silent{{0, begin}}; !reflect.DeepEqual(s.Silent, want) {
		t.Errorf("silent %v, want %v", s.Silent, want)
	}
}

func TestFullSetsAreAskedForOnceASecond(t *testing.T) {
	begin := time.Unix(now, 0)
	f := follow(begin)
	var asks []bool
	for _, at := range []time.Duration{0, 500, 1000} {
		asks = append(asks, f.add(set(0, now, 1, false), begin.Add(at*time.Millisecond)))
	}
	if want := []bool{true, false, true}; !reflect.DeepEqual(asks, want) {
		t.Errorf("asked %v, want %v", asks, want)
	}
}

// A worker with other measures is told once, and its partition is silent.
func TestForeignWorkerIsLeftOut(t *testing.T) {
	begin := time.Unix(now, 0).UTC()
	core, told := observer.New(zap.WarnLevel)
	f := newFollower(compiled().Layout, zap.New(core), begin)
	other := set(1, now, 5, true)
	other.Layout++
	for range 3 {
		f.add(other, begin)
	}
	f.add(set(0, now, 3, true), begin)
	s := f.snapshot(f.merge(begin.Add(3 * time.Second)))
	if overdueOf(&s) != 3 || len(s.Silent) != 1 || s.Silent[0].Partition != 1 || told.Len() != 1 {
		t.Errorf("%+v; told %d times", s, told.Len())
	}
}

func TestFollowMergesWhatIsPublished(t *testing.T) {
	server, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Partitions: 2, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	nc, err := nats.Connect(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()

	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	// As workers do: publish everything when a board asks.
	asks, err := nc.Subscribe("desklive.ask", func(*nats.Msg) {
		for p := range uint16(2) {
			publisher := output.NewPublisher(nc, nil)
			if err := publisher.Publish(set(p, now, int64(p)+1, true)); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = asks.Unsubscribe() }()

	shown, done := make(chan Snapshot, 1), make(chan error, 1)
	var merged *output.Merged // written before shown is sent
	live := Follow(nc, compiled().Layout, zap.NewNop(), func(m *output.Merged) { merged = m })
	go func() {
		done <- live(ctx, func(s Snapshot) {
			select {
			case shown <- s:
			case <-ctx.Done():
			}
		})
	}()
	select {
	case s := <-shown:
		if overdueOf(&s) != 3 || s.Partitions != 2 || s.Silent != nil {
			t.Errorf("%+v", s)
		}
		if merged == nil || merged.At != now {
			t.Errorf("also was given %+v", merged)
		}
	case <-ctx.Done():
		t.Fatal("nothing was shown")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
