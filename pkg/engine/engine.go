package engine

import (
	"fmt"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/sla"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// Clock says what moves the stream's clock, by which old detail is dropped.
type Clock uint8

const (
	// BrokerClock is the time at which the broker stored the newest event.
	BrokerClock Clock = iota
	// EventClock is the newest time among the events themselves, for a replay of history.
	EventClock
)

// Config is what the state depends on beside the events.
type Config struct {
	Partition, Partitions uint16
	Generation            uint32          // < 2^20; rises when all rows are to be written anew
	Windows               []window.Window // at most 30
	Groups                []kpi.Set       // breakdowns kept live, beside the whole tenant
	Keep                  kpi.Set         // dimensions told apart at all, beside priority and category, which decide targets and incidents
	Policy                sla.Policy
	Catalogue             kpi.Catalogue
	Clock                 Clock
	NoHistory             bool // nobody will write the rows: keep none
}

// Position is where an event stands in the stream of its partition.
type Position struct {
	Sequence uint64 // < 2^44
	Time     int64  // when the broker stored it, Unix milliseconds
}

// Outcome is what became of an event.
type Outcome uint8

// The outcomes.
const (
	Applied   Outcome = iota
	Duplicate         // known by its id already: no effect
	Conflict          // an id that is known, with other content: no effect
	Unused            // of a kind that no measure needs yet: no effect
	numOutcomes
)

var outcomeNames = [numOutcomes]string{"applied", "duplicate", "conflict", "unused"}

// String returns the outcome's name, as in metrics.
func (o Outcome) String() string { return outcomeNames[o] }

// Counters tell what the state has met. They are part of the state.
type Counters struct {
	Outcomes [numOutcomes]uint64
	Late     [window.Total + 1]uint64 // changes by the ring that they went to; those in Second were in time
	Negative uint64                   // durations that would have been below zero
}

// Outcome returns how many events had outcome o.
func (c *Counters) Outcome(o Outcome) uint64 { return c.Outcomes[o] }

// Engine is the state of one partition.
type Engine struct {
	cfg      Config
	clock    int64 // Unix seconds; never goes back
	horizons window.Horizons
	sequence uint64 // of the newest event applied
	counters Counters

	symbols  symbols
	combos   combos
	history  arena
	tickets  tickets
	contacts contacts
	incident incidents
	reports  map[reportKey]pendingReport // report rows not yet confirmed

	series  []series
	groups  groups
	pending []change
	sink    sink
	kpis    []compiled
	records []record // scratch of the slow path
	dirty   map[bucketKey]uint64
	kept    map[bucketKey]window.Vector // of dirty, what the timelines no longer tell apart
	queue   []bucketKey                 // the keys of dirty, in the order in which they became so
	told    []reportKey                 // the keys of reports, likewise
	oldest  []window.Oldest             // of each series
}

// New returns an empty state. An error names the setting at fault.
func New(cfg Config) (*Engine, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg.Keep |= kpi.SetOf(kpi.Priority, kpi.Category)
	e := &Engine{
		cfg:      cfg,
		reports:  make(map[reportKey]pendingReport),
		dirty:    make(map[bucketKey]uint64),
		kept:     make(map[bucketKey]window.Vector),
		symbols:  newSymbols(),
		tickets:  tickets{index: newIndex()},
		contacts: contacts{index: newIndex(), linked: make(map[uint64][]uint32)},
		incident: incidents{index: make(map[incidentKey]uint32)},
	}
	for i := range cfg.Catalogue {
		e.kpis = append(e.kpis, compile(&cfg.Catalogue[i]))
	}
	e.combos = newCombos()
	e.groups = newGroups(cfg)
	e.addSeries(series{}) // 0 is none
	return e, nil
}

func (c *Config) validate() error {
	switch {
	case len(c.Windows) == 0 || len(c.Windows) > 30:
		return fmt.Errorf("windows: %d given: give 1 to 30", len(c.Windows))
	case c.Generation >= 1<<20:
		return fmt.Errorf("generation %d is too large: it must be below %d", c.Generation, 1<<20)
	}
	for _, g := range c.Groups {
		if g&^(c.Keep|kpi.SetOf(kpi.Priority, kpi.Category)) != 0 {
			return fmt.Errorf("grouping by %q: keep all its dimensions; kept are %q", g, c.Keep)
		}
	}
	for _, d := range c.Catalogue {
		for _, m := range d.Measures {
			if _, ok := measureByName(m); !ok {
				return fmt.Errorf("kpi %s: measure %q is unknown: use one of %v", d.Key, m, measureNames[1:])
			}
		}
	}
	return c.Policy.Validate()
}

// Apply takes one event into the state and keeps nothing of ev.
func (e *Engine) Apply(ev *kpi.Event, pos Position) Outcome {
	e.advance(ev, pos)
	e.sink.reset()
	var out Outcome
	switch ev.Kind {
	case kpi.Ticket:
		out = e.applyTicket(ev)
	case kpi.Call, kpi.Complaint:
		out = e.applyContact(ev)
	case kpi.Void:
		out = e.applyVoid(ev)
	default:
		out = Unused
	}
	e.counters.Outcomes[out]++
	if len(e.sink.reports) > 0 {
		e.applyReports()
	}
	e.take()
	return out
}

// advance moves the stream's clock. When an hour begins, changes are settled under the
// old horizons first, so that when they are settled never matters.
func (e *Engine) advance(ev *kpi.Event, pos Position) {
	e.sequence = max(e.sequence, pos.Sequence)
	t := pos.Time / 1000
	if e.cfg.Clock == EventClock {
		t = ev.At / 1000
	}
	if t <= e.clock {
		return
	}
	h := window.HorizonsAt(t)
	if h != e.horizons {
		e.settle()
		e.keepRows(h)
		e.horizons = h
		e.collapse()
	}
	e.clock = t
}

// collapse goes over all series once an hour, by a list that says which need not be
// touched.
func (e *Engine) collapse() {
	for i := range e.oldest {
		if e.oldest[i].Before(e.horizons) {
			e.series[i].line.Collapse(e.horizons)
			e.oldest[i] = e.series[i].line.Oldest()
		}
	}
}

// Now returns the stream's clock in Unix seconds; 0 before the first event.
func (e *Engine) Now() int64 { return e.clock }

// Sequence returns the stream sequence of the newest event applied.
func (e *Engine) Sequence() uint64 { return e.sequence }

// Counters returns what the state has met so far.
func (e *Engine) Counters() Counters { return e.counters }

// Orphans returns the number of tickets whose creation has not been seen.
func (e *Engine) Orphans() int { return e.tickets.orphans }

// Len returns the number of tickets, calls and complaints, and incidents remembered.
func (e *Engine) Len() (tickets, contacts, incidents int) {
	return len(e.tickets.list), len(e.contacts.list), len(e.incident.list)
}

func (e *Engine) version(sequence uint64) uint64 {
	return uint64(e.cfg.Generation)<<44 | sequence
}

// LateChanges returns how many changes were older than the finest ring.
func (c *Counters) LateChanges() (n uint64) {
	for _, late := range c.Late[window.Minute:] {
		n += late
	}
	return n
}
