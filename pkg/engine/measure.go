package engine

import (
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// measure is one additive quantity.
type measure uint8

const (
	noMeasure         measure = iota
	responseTime              // histogram of ms, at the first handling
	ticketsOpen               // stock
	ticketsOverdue            // stock
	incidentsReported         // a stock for each window
	incidentsRepeated         // a stock for each window
	numMeasures
)

var measureNames = [numMeasures]string{
	"", "response_time", "tickets_open", "tickets_overdue", "incidents_reported", "incidents_repeated",
}

// nature says how the timeline of a measure is read.
type nature uint8

const (
	flow        nature = iota // the sum over the window
	stock                     // the sum of all before the instant
	windowStock               // a stock for each window: slot 0 plus the window's slot
)

var natures = [numMeasures]nature{
	responseTime: flow, ticketsOpen: stock, ticketsOverdue: stock,
	incidentsReported: windowStock, incidentsRepeated: windowStock,
}

// String returns the measure's name, as in the catalogue and in the history.
func (m measure) String() string { return measureNames[m] }

func measureByName(name string) (measure, bool) {
	for m := noMeasure + 1; m < numMeasures; m++ {
		if measureNames[m] == name {
			return m, true
		}
	}
	return 0, false
}

// WindowSlot is the slot at which a measure that is a stock for each window keeps what
// the i-th configured window takes back from slot 0.
func WindowSlot(i int) uint16 { return uint16(i + 1) }

func histogramSlot(ms int64) uint16 { return window.HistogramSlot(ms) }

// compiled is a definition with its measures looked up.
type compiled struct {
	key      string
	stock    bool
	measures []measure
}

func compile(d *kpi.Definition) compiled {
	c := compiled{key: d.Key, stock: d.Type == kpi.Stock}
	for _, name := range d.Measures {
		m, _ := measureByName(name)
		c.measures = append(c.measures, m)
	}
	return c
}
