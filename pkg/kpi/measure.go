package kpi

import "github.com/deskpulse/deskpulse/pkg/window"

// Shape says how a measure is kept and read: how many slots it has, and what they mean.
type Shape string

// The shapes. Those with "of" are written in the catalogue as "as".
const (
	ShapeCount     Shape = "count"      // slot 0: how many, in the window
	ShapeSum       Shape = "sum"        // slot 0: the sum of the values, in the window
	ShapeHistogram Shape = "histogram"  // of durations; slots as in package window
	ShapeStock     Shape = "stock"      // slot 0: how many, or the sum of the values, at the instant
	ShapeAged      Shape = "aged"       // a stock with, in slot 1, the sum of the instants (ms) since which
	ShapeClocked   Shape = "clocked"    // a stock with, in slot 1, the sum over its changes of change × instant (ms)
	ShapeOldest    Shape = "oldest"     // the earliest "since" of what is in the stock; no slots, for now only
	ShapeByMonth   Shape = "by_month"   // a stock of sums; slot: local month of "month", counted from January 1970 or Farvardin 1349
	ShapePerWindow Shape = "per_window" // of a thread: a stock for each window; slot 0 plus slot 1 + index of the window
	ShapePerPeriod Shape = "per_period" // of a thread: slot: a Period, what happened in it; slot NumPeriods: a stock, to be read at the start of the period and added
)

// Slots returns how many slots a measure of the shape has.
func (s Shape) Slots() int {
	switch s {
	case ShapeHistogram:
		return window.HistogramSlots
	case ShapeAged, ShapeClocked:
		return 2
	case ShapeOldest:
		return 0
	case ShapeByMonth:
		return 2048
	case ShapePerWindow:
		return 1 + MaxWindows
	case ShapePerPeriod:
		return NumPeriods + 1
	default:
		return 1
	}
}

// MaxWindows is how many rolling windows can be configured.
const MaxWindows = 30

// Period is a kind of calendar period.
type Period uint8

// The calendar periods.
const (
	Day Period = iota
	Week
	Month
	Quarter
	Year
	NumPeriods = iota
)

var periodNames = [NumPeriods]string{"day", "week", "month", "quarter", "year"}

// String returns the period's name, which also names it as a window.
func (p Period) String() string { return periodNames[p] }

// ParsePeriod is the inverse of String.
func ParsePeriod(name string) (Period, bool) {
	for i, n := range periodNames {
		if n == name {
			return Period(i), true
		}
	}
	return 0, false
}

// Source is one way in which facts feed a measure, as the catalogue writes it. All but
// Of are expressions over the fields of the fact, its dimensions, labels and options.
type Source struct {
	Of    string            `yaml:"of"`    // a fact; or one of the threads, with Count
	Count string            `yaml:"count"` // of a thread: see Threads
	Where string            `yaml:"where"` // a bool; true where it is left out
	At    string            `yaml:"at"`    // a time: a sample
	Value string            `yaml:"value"` // a number or a duration; 1 where it is left out
	While string            `yaml:"while"` // a bool: a stock
	From  string            `yaml:"from"`  // a time: the stock begins only then
	Since string            `yaml:"since"` // a time, of aged and oldest stocks
	Month string            `yaml:"month"` // a time, of by_month
	AsOf  string            `yaml:"as_of"` // instant of the dimensions; that of At, or current
	Set   map[string]string `yaml:"set"`   // dimensions given by fields
}

// Spec is one measure, as the catalogue writes it.
type Spec struct {
	As   Shape    `yaml:"as"`   // count where it is left out, stock where there is "while"
	Unit string   `yaml:"unit"` // of values: seconds, money, points, count
	From []Source `yaml:"from"` // one or several; their facts add up
}

// Threads are what several facts of one customer, incident … make together, and the
// counts that can be taken of them.
var Threads = map[string][]string{
	// Reports of one incident. reported, repeated: in the window, once and twice or more;
	// repeated_ever: reported in the window and at least twice ever; new: first reported in
	// the window; new_repeated: of those, reported again since.
	"incident": {"reported", "repeated", "repeated_ever", "new", "new_repeated"},
	// Contacts of one customer. active: made any in the window.
	"caller": {"active"},
	// Answers of one customer to surveys of satisfaction. active: the latest lies in the
	// window; satisfied: and its score is at or over the option satisfied_from.
	"respondent": {"active", "satisfied"},
	// Orders and subscriptions of one customer. new: the first; active: holds a live
	// subscription or has bought in the window; at_start: active at the start of the period;
	// retained: of those, active in it.
	"customer": {"new", "active", "at_start", "retained"},
	// Invoices of one subscription in one local month. new: the first.
	"billed": {"new"},
}

// Measure is a compiled measure and where its slots lie.
type Measure struct {
	Name  string
	Shape Shape
	Unit  string
	Slot  uint16 // its first slot in all vectors
	Slots int
	Index int // in Compiled.Measures
}

// Condition is a compiled bool expression.
type Condition func(*Fact) bool

// Number is a compiled expression of an int64: ms, 10⁻⁴ of money, 10⁻⁶ of a point.
type Number func(*Fact) int64

// Feed is a compiled Source. What is left out is nil; Where too.
type Feed struct {
	Measure int
	Shape   Shape
	Slot    uint16
	Fact    FactKind
	Thread  string // instead of Fact
	Count   string
	Where   Condition
	At      Number
	Value   Number // nil is 1
	While   Condition
	From    Number
	Since   Number
	Month   Number
	AsOf    int // index into the schema's AsOf
	Set     []Setting
	Reads   uint64 // the fields that it reads, as bits
	ByDims  bool   // it reads dimensions or labels, or sets some
}

// Setting gives a dimension by an expression of text.
type Setting struct {
	Dimension Dimension
	Text      Number
}

// Compiled is a catalogue made ready: its expressions compiled, its measures laid out.
type Compiled struct {
	Catalogue Catalogue
	Measures  []Measure
	Feeds     []Feed
	Labels    []string // names of the labels that expressions read, in the order of Fact.Labels
	Reads     Set      // dimensions that expressions read: they must be told apart
	Breakdown []Set    // sets of dimensions by which some KPI is broken down by default
	Layout    uint64   // a hash of names, shapes and slots: equal where vectors mean the same
	// Windows are the names of the rolling windows, in the order in which measures of a
	// thread keep one slot for each: set by whoever configures them.
	Windows []string

	byName   map[string]int
	formulas map[string]*formula // by the key of the KPI
	feeds    []Feed              // as Feeds, also where that is empty
}

// Symbols gives texts small numbers; "" is 0. The engine's own serve.
type Symbols interface{ Symbol(text string) uint32 }

// Totals is what one partition knows of one group in one window: the sums of all
// measures. Those of several partitions are added up, and formulas are applied last.
type Totals struct {
	Tenant string
	Window string // "7d", "all", or a calendar period: "month"
	Group  Group
	Lo     int64 // Unix seconds: the inclusive start of the window; 0 for all
	// MonthFrom and MonthTo are, of a calendar period, the first and the last of its local
	// months so far, as slots of measures by month.
	MonthFrom, MonthTo uint16
	Values             window.Vector
	// Openings has, for a calendar period, the sums of each stock at the starts of its
	// months so far.
	Openings window.Vector
	// Oldest has the earliest instants (Unix ms) of measures of that shape, by index of
	// the measure; only in the window all.
	Oldest []OldestEntry
}

// OldestEntry is the earliest instant of one measure.
type OldestEntry struct {
	Measure uint16
	At      int64 // Unix ms
}

// TotalsSet is what one partition knows at one instant: the unit that workers publish
// and that boards merge.
type TotalsSet struct {
	Partition, Partitions uint16
	Epoch                 uint64 // rises with each change of owner
	Number                uint64 // rises by one with each message of an epoch: a gap means that one was lost
	Layout                uint64 // Compiled.Layout of the worker
	Position              uint64 // stream sequence up to which events are counted
	At                    int64  // Unix seconds; what happened at t < At is counted
	Newest                int64  // Unix ms at which the broker stored the newest event counted
	// Full says that Totals are all there are, or with More the first of them. Otherwise
	// they hold what has changed: a value of 0 says that a slot is empty now; Openings,
	// where there are any, are complete, and so is Oldest wherever there are Totals of the
	// window all.
	Full bool
	// More says that the set was cut, and that the next message goes on with it.
	More   bool
	Totals []Totals
}
