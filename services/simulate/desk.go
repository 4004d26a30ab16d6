package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// Config says which desk to simulate. The same Config gives the same events.
type Config struct {
	Tenant string
	Seed   uint64
	Rate   float64   // events per second of wall time, the mean over a week of the desk
	Pace   float64   // how many times as fast as the wall's clock the desk's runs; 0 is 1
	Start  time.Time // wall time of the first moment
	Clock  time.Time // the desk's clock at Start; Start where it is zero
	Steady bool      // customers start as much at night as by day, for load tests
}

// Desk is a simulated service desk. See the package's documentation.
type Desk struct {
	config Config
	dice   dice
	zipf   *rand.Zipf
	start  int64  // wall, Unix milliseconds
	clock  int64  // the desk's, at start
	prefix string // of all ids: runs that start at another time share none

	agenda agenda
	ready  []entry // events of the step just made, to be handed out
	handed int     // how many of ready have been

	meanGap float64 // milliseconds of the desk between two starts at the curve's peak
	agents  [len(teamNames)][]agent
	teams   [len(teamNames)]struct{ open, usual float64 } // unresolved tickets: now, and at the mean rate

	events, cases uint64
	alive         int // cases that are not over
	tally         *tally
}

type agent struct {
	name     string
	slow     float64 // factor on the time that work takes
	best     uint8   // the category that takes less
	present  bool
	contacts int // calls and chats that the agent is on
}

// tally is what calibration measures.
type tally struct {
	unresolved [len(teamNames)]float64 // milliseconds that tickets were unresolved, by team
	lives      float64                 // milliseconds that cases lasted
}

// New returns a desk at its start.
func New(c Config) (*Desk, error) {
	if c.Pace == 0 {
		c.Pace = 1
	}
	if c.Rate <= 0 || c.Rate > MaxRate {
		return nil, fmt.Errorf("rate %v: give more than 0 and at most %d events a second", c.Rate, MaxRate)
	}
	if c.Pace < 1 || c.Pace > maxPace {
		return nil, fmt.Errorf("pace %v: give 1 (real time) to %d", c.Pace, maxPace)
	}
	usual := calibrate()
	events := c.Rate / 1000 / c.Pace // per millisecond of the desk
	// What is not started by customers comes beside, unless that would be nearly all.
	perMilli := max(events/10, events-besidePerHour/float64(time.Hour.Milliseconds())) / usual.events
	d := newDesk(c, perMilli)
	for team := range d.teams {
		d.teams[team].usual = perMilli * usual.unresolved[team]
	}
	return d, nil
}

// MaxRate is the largest rate of one desk, in events per second.
const MaxRate = 1_000_000

const maxPace = 1_000_000

// newDesk returns a desk whose work does not slow down under load: teams have no usual.
func newDesk(c Config, perMilli float64) *Desk {
	if c.Clock.IsZero() {
		c.Clock = c.Start
	}
	d := &Desk{
		config: c, dice: newDice(c.Seed, hash(c.Tenant)), start: c.Start.UnixMilli(), clock: c.Clock.UnixMilli(),
		meanGap: 1 / (perMilli * c.peak()),
		prefix:  strconv.FormatInt(c.Start.UnixMilli(), 36) + strconv.FormatUint(c.Seed&0xffff, 36) + "-",
	}
	// A few customers are in touch all the time, most hardly ever.
	customers := max(2000, min(200_000_000, perMilli*float64((90*24*time.Hour).Milliseconds())))
	d.zipf = rand.NewZipf(d.dice.Rand, 1.2, 200, uint64(customers))
	for team, names := range agentNames {
		for _, name := range names {
			d.agents[team] = append(d.agents[team], agent{name: name, slow: math.Exp(0.25 * d.dice.NormFloat64()), best: categoryNames.draw(d.dice)})
		}
	}
	d.agenda.add(d.clock, &base{}, nil)
	d.agenda.add(d.clock, arrivals{}, nil)
	d.agenda.add(d.clock, &bookkeeper{}, nil)
	for team := range d.agents {
		for i := range d.agents[team] {
			d.agenda.add(d.clock+d.dice.about(2*time.Minute, 1), &shift{
				team: uint8(team), agent: uint8(i), next: deskpulsev1.AgentAction_AGENT_ACTION_LOGGED_IN,
			}, nil)
		}
	}
	return d
}

// peak is how many times the mean intensity the highest is.
func (c Config) peak() float64 {
	if c.Steady {
		return 1
	}
	return curvePeak
}

// hash is FNV-1a, so that each tenant of one seed has a life of its own.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// Next returns the next event and when it is published, in the order of publishing. The
// event belongs to the caller, except that it may come a second time, as a duplicate:
// do not change it.
func (d *Desk) Next() (at time.Time, ev *deskpulsev1.Event) {
	for {
		if d.handed < len(d.ready) {
			e := d.ready[d.handed]
			d.handed++
			return d.wall(e.at), e.event
		}
		d.ready, d.handed = d.ready[:0], 0
		e := d.agenda.take()
		if e.event != nil {
			return d.wall(e.at), e.event
		}
		e.actor.step(d, e.at)
	}
}

// Alive is the number of cases that are not over.
func (d *Desk) Alive() int { return d.alive }

// wall turns an instant of the desk's clock into wall time, kept to the millisecond.
func (d *Desk) wall(at int64) time.Time {
	return time.UnixMilli(d.start + d.wallMillis(at-d.clock)).UTC()
}

// wallMillis turns a duration of the desk into one of the wall, in milliseconds.
func (d *Desk) wallMillis(millis int64) int64 { return int64(float64(millis) / d.config.Pace) }

// later puts an actor on the agenda.
func (d *Desk) later(at int64, a actor) { d.agenda.add(at, a, nil) }

// publish hands out an event: mostly at once, sometimes late, sometimes twice.
func (d *Desk) publish(at int64, ev *deskpulsev1.Event) {
	if d.dice.chance(chanceLate) {
		d.agenda.add(at+d.lateness(), nil, ev)
	} else {
		d.ready = append(d.ready, entry{at: at, event: ev})
	}
	if d.dice.chance(chanceDuplicate) {
		d.agenda.add(at+d.lateness(), nil, ev)
	}
}

func (d *Desk) lateness() int64 {
	return min(d.dice.about(12*time.Minute, 1.1), longestLate.Milliseconds())
}

// arrivals is the customers who start something: a Poisson process along the curve.
type arrivals struct{}

func (a arrivals) step(d *Desk, at int64) {
	if d.config.Steady || d.dice.chance(curve(at)/curvePeak) {
		start(d, at)
	}
	// At high rates several start in one millisecond: the gap's fraction is a chance.
	gap := d.dice.ExpFloat64() * d.meanGap
	whole := math.Floor(gap)
	if d.dice.chance(gap - whole) {
		whole++
	}
	d.later(at+int64(whole), a)
}

// start is one thing that some customer starts.
func start(d *Desk, at int64) {
	switch starts.draw(d.dice) {
	case startTicket:
		newTicket(d, newMatter(d)).create(d, at)
	case startCall:
		newCall(d, at, newMatter(d))
	case startComplaint:
		newComplaint(d, at, newMatter(d), "")
	case startOrder:
		order(d, at)
	case startSubscription:
		subscription(d, at)
	case startChat:
		newSession(d, at, deskpulsev1.InteractionType_INTERACTION_TYPE_CHAT)
	case startBot:
		newSession(d, at, deskpulsev1.InteractionType_INTERACTION_TYPE_BOT)
	case startSelfService:
		newSession(d, at, deskpulsev1.InteractionType_INTERACTION_TYPE_SELF_SERVICE)
	case startSuggestion:
		suggestion(d, at)
	}
}
