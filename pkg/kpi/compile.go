package kpi

// Compile checks a catalogue and makes it ready for facts and readings. sym serves the
// expressions over facts; where it is nil they are checked, but Feeds stays empty.
func (c *Catalogue) Compile(sym Symbols) (*Compiled, error) {
	panic("kpi: internal error: not built")
}

// Find returns the measure of a name.
func (c *Compiled) Find(name string) (*Measure, bool) {
	i, ok := c.byName[name]
	if !ok {
		return nil, false
	}
	return &c.Measures[i], true
}

// Term is one use of a measure by a KPI.
type Term struct {
	*Measure
	All bool // read since ever or at the instant, from the window all, rather than from the window of the reading
}
