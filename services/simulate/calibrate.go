package simulate

import (
	"sync"
	"time"
)

// usual is what follows from one thing that a customer starts, on the mean.
type usual struct {
	events     float64
	unresolved [len(teamNames)]float64 // milliseconds of unresolved ticket that each team gets
	life       float64                 // milliseconds of a case that is not over
}

// calibrate measures usual on a desk of its own, whose curve and load play no part, so
// that a rate of events can be turned into a rate of starts.
var calibrate = sync.OnceValue(func() usual {
	const n = 20_000
	d := newDesk(Config{Tenant: "calibration", Pace: 1, Start: time.Unix(0, 0)}, 1)
	d.tally = new(tally)
	d.agenda = agenda{}
	for team := range d.agents {
		for i := range d.agents[team] {
			d.agents[team][i].present = true
		}
	}
	for range n {
		start(d, d.clock)
	}
	published := len(d.ready)
	for len(d.agenda.entries) > 0 {
		d.ready = d.ready[:0]
		if e := d.agenda.take(); e.event != nil {
			published++
		} else {
			e.actor.step(d, e.at)
			published += len(d.ready)
		}
	}
	u := usual{events: float64(published) / n, life: d.tally.lives / n}
	for team, millis := range d.tally.unresolved {
		u.unresolved[team] = millis / n
	}
	return u
})
