package engine

import (
	"fmt"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/period"
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
	Windows               []window.Window // at most kpi.MaxWindows
	Groups                []kpi.Set       // breakdowns kept live, beside the whole tenant and those of the catalogue
	Keep                  kpi.Set         // dimensions told apart at all, beside those that the catalogue and the policies read
	Policies              *sla.Policies   // nil: no targets
	Catalogue             *kpi.Catalogue
	Calendar              func(tenant string) *period.Calendar // of local days; nil: Gregorian, UTC. Its results are the engine's alone
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
	Unused            // of a kind that no measure needs: no effect
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

// LateChanges returns how many changes were older than the finest ring.
func (c *Counters) LateChanges() (n uint64) {
	for _, late := range c.Late[window.Minute:] {
		n += late
	}
	return n
}

// Engine is the state of one partition.
type Engine struct {
	cfg      Config
	clock    int64 // Unix seconds; never goes back
	horizons window.Horizons
	sequence uint64 // of the newest event applied
	counters Counters

	symbols  symbols
	words    words
	labels   []string // in the order of combo.labels
	combos   combos
	history  arena
	entities entities
	threads  threads
	reports  map[reportKey]pendingReport // report rows not yet confirmed
	told     []reportKey                 // the keys of reports, in the order in which they became so

	compiled    *kpi.Compiled
	feeds       feeds
	targetsOf   map[targetsKey][]sla.Targets
	lastKey     targetsKey
	lastTargets []sla.Targets
	calendars   map[uint32]*period.Calendar

	pending pending
	future  future
	cells   cells
	rows    rows
	oldest  oldest

	// Scratch of one event.
	sink               sink
	record             record
	records, live      []record
	others             []record
	past               []record // what the fold has taken before the record in hand
	before, after, was state
	sub, other         state
	made               [4]state // of facts that several entities make together
	folding            uint32   // the entity that is being folded
	customer           customer // whose thread is being changed
}

// New returns an empty state. An error names the setting at fault.
func New(cfg Config) (*Engine, error) {
	if len(cfg.Windows) == 0 || len(cfg.Windows) > kpi.MaxWindows {
		return nil, fmt.Errorf("windows: %d given: give 1 to %d", len(cfg.Windows), kpi.MaxWindows)
	}
	if cfg.Generation >= 1<<20 {
		return nil, fmt.Errorf("generation %d is too large: it must be below %d", cfg.Generation, 1<<20)
	}
	e := &Engine{
		reports: make(map[reportKey]pendingReport), symbols: newSymbols(),
		targetsOf: make(map[targetsKey][]sla.Targets), calendars: make(map[uint32]*period.Calendar),
		threads: newThreads(), oldest: newOldest(), rows: newRows(), future: newFuture(cfg.NoHistory),
	}
	if cfg.Policies == nil {
		cfg.Policies = &sla.Policies{}
	}
	var err error
	if e.compiled, err = cfg.Catalogue.Compile(&e.symbols); err != nil {
		return nil, err
	}
	var windows []string
	for _, w := range cfg.Windows {
		windows = append(windows, w.Name)
	}
	e.compiled.SetWindows(windows)
	e.labels = e.compiled.Labels
	if len(e.labels) > maxLabels {
		return nil, fmt.Errorf("the catalogue reads %d labels: at most %d can be told apart", len(e.labels), maxLabels)
	}
	cfg.Keep |= e.compiled.Reads | kpi.SetOf(kpi.Priority, kpi.Category) | policyDims(cfg.Policies)
	for _, g := range cfg.Groups {
		if g&^cfg.Keep != 0 {
			return nil, fmt.Errorf("grouping by %q: keep all its dimensions; kept are %q", g, cfg.Keep)
		}
	}
	e.cfg = cfg
	e.words = newWords(&e.symbols)
	e.feeds = newFeeds(e.compiled)
	e.combos = newCombos()
	e.cells = newCells(groupSets(&cfg, e.compiled), len(cfg.Windows), e.compiled)
	return e, nil
}

// policyDims are the dimensions that the conditions of policies read.
func policyDims(p *sla.Policies) (s kpi.Set) {
	for _, name := range p.Attributes() {
		if d, err := kpi.ParseDimension(name); err == nil {
			s |= kpi.SetOf(d)
		}
	}
	return s
}

// Compiled returns the catalogue as this engine has compiled and laid it out.
func (e *Engine) Compiled() *kpi.Compiled { return e.compiled }

// Apply takes one event into the state and keeps nothing of ev.
func (e *Engine) Apply(ev *kpi.Event, pos Position) Outcome {
	e.advance(ev, pos)
	e.sink.reset()
	kind := ownerKind(ev.Kind)
	var out Outcome
	switch {
	case ev.Kind == kpi.Void:
		out = e.applyVoid(ev)
	case folders[kind].step == nil:
		out = Unused
	default:
		out = e.applyTo(kind, ev)
	}
	e.counters.Outcomes[out]++
	if e.sink.again {
		e.sink.net()
	}
	e.takeDeltas()
	return out
}

// ownerKind is the kind of the entity that events of a kind are about.
func ownerKind(k kpi.Kind) kpi.Kind {
	if k == kpi.Payment {
		return kpi.Invoice
	}
	return k
}

// entityID is the id of the entity that an event is about: of a survey, one question of
// it; of a payment, its invoice.
func entityID(ev *kpi.Event) string {
	switch ev.Kind {
	case kpi.Survey:
		return ev.Entity + "/" + ev.SurveyDimension
	case kpi.Payment:
		return ev.Invoice
	default:
		return ev.Entity
	}
}

// advance moves the stream's clock. When the horizons move, changes are settled under the
// old ones first, so that when they are settled never matters.
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
		e.cells.collapse(h)
	}
	e.clock = t
	e.upTo(t)
}

// Now returns the stream's clock in Unix seconds; 0 before the first event.
func (e *Engine) Now() int64 { return e.clock }

// Sequence returns the stream sequence of the newest event applied.
func (e *Engine) Sequence() uint64 { return e.sequence }

// Counters returns what the state has met so far.
func (e *Engine) Counters() Counters { return e.counters }

// Orphans returns the number of tickets whose creation has not been seen.
func (e *Engine) Orphans() int { return e.entities.orphans }

// Len returns the number of entities, and of threads between them, that are remembered.
func (e *Engine) Len() (entities, threads int) { return len(e.entities.list), len(e.threads.list) }

func (e *Engine) version(sequence uint64) uint64 {
	return uint64(e.cfg.Generation)<<44 | sequence
}

// calendar returns the calendar of a tenant's local days.
func (e *Engine) calendar(tenant uint32) *period.Calendar {
	if c, ok := e.calendars[tenant]; ok {
		return c
	}
	if e.cfg.Calendar != nil {
		e.calendars[tenant] = e.cfg.Calendar(e.symbols.names[tenant])
		return e.calendars[tenant]
	}
	c, err := period.New("UTC", period.Gregorian, time.Monday, 1)
	if err != nil {
		panic("engine: internal error: " + err.Error())
	}
	e.calendars[tenant] = c
	return c
}
