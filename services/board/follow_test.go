package board

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
	"github.com/deskpulse/deskpulse/services/embedded/natsd"
)

// set is what one of two partitions knows: n of 2n open requests are overdue.
func set(partition uint16, at, n int64, full bool) *kpi.ReadingSet {
	return &kpi.ReadingSet{
		Partition: partition, Partitions: 2, Epoch: 1, Position: uint64(at), At: at, Full: full,
		Readings: []kpi.Reading{ratio("acme", "overdue_ratio", "", kpi.Group{}, n, 2*n)},
	}
}

func loadCatalogue(t *testing.T) kpi.Catalogue {
	t.Helper()
	c, err := kpi.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSilentPartitionIsNamedAndLeftOut(t *testing.T) {
	catalogue := loadCatalogue(t)
	begin := time.Unix(now, 0).UTC()
	after := func(s float64) time.Time { return begin.Add(time.Duration(s * float64(time.Second))) }
	f := &follower{merger: output.NewMerger(), started: begin, heard: make(map[uint16]time.Time)}
	// overdue is the numerator shown; -1 where there is no reading.
	overdue := func(s Snapshot) int64 {
		if len(s.Readings) == 0 {
			return -1
		}
		return s.Readings[0].Terms[0].At(0)
	}

	f.add(set(0, now, 3, true), after(0.2))
	if m := f.merge(after(0.5)); m != nil {
		t.Errorf("shown before both partitions were heard from: %v", m)
	}
	f.add(set(1, now, 5, true), after(0.7))
	s := f.snapshot(f.merge(after(1)), catalogue)
	if overdue(s) != 8 || s.Silent != nil || s.Partitions != 2 || s.At != now {
		t.Errorf("both: %+v", s)
	}
	if m := f.merge(after(1.2)); m != nil {
		t.Errorf("shown again without news: %v", m)
	}
	f.add(set(0, now+4, 4, false), after(4))
	s = f.snapshot(f.merge(after(4)), catalogue)
	if want := []Silent{{1, begin}}; overdue(s) != 4 || !reflect.DeepEqual(s.Silent, want) {
		t.Errorf("one is silent: %+v, want %v", s, want)
	}
	s = f.snapshot(f.merge(after(8)), catalogue)
	if overdue(s) != -1 || len(s.Silent) != 2 || s.At != 0 {
		t.Errorf("both are silent: %+v", s)
	}
}

func TestPartitionNeverHeardOfIsSilentFromTheStart(t *testing.T) {
	begin := time.Unix(now, 0).UTC()
	f := &follower{merger: output.NewMerger(), started: begin, heard: make(map[uint16]time.Time)}
	f.add(set(1, now+3, 5, true), begin.Add(3*time.Second))
	s := f.snapshot(f.merge(begin.Add(3*time.Second)), loadCatalogue(t))
	if want := []Silent{{0, begin}}; !reflect.DeepEqual(s.Silent, want) {
		t.Errorf("silent %v, want %v", s.Silent, want)
	}
}

func TestFullSetsAreAskedForOnceASecond(t *testing.T) {
	begin := time.Unix(now, 0)
	f := &follower{merger: output.NewMerger(), started: begin, heard: make(map[uint16]time.Time)}
	var asks []bool
	for _, at := range []time.Duration{0, 500, 1000} {
		asks = append(asks, f.add(set(0, now, 1, false), begin.Add(at*time.Millisecond)))
	}
	if want := []bool{true, false, true}; !reflect.DeepEqual(asks, want) {
		t.Errorf("asked %v, want %v", asks, want)
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
			if err := publisher.Publish(set(p, now, int64(p)+1, true), time.Now()); err != nil {
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
	live := Follow(nc, loadCatalogue(t), zap.NewNop(), func(m *output.Merged) { merged = m })
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
		if r := s.Readings; len(r) != 1 || r[0].Terms[0].At(0) != 3 || r[0].Terms[1].At(0) != 6 || s.Partitions != 2 || s.Silent != nil {
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
