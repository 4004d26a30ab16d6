package kpi

// Terms lists the measures that a KPI reads.
func (c *Compiled) Terms(d *Definition) []Term {
	panic("kpi: internal error: not built")
}

// Readings evaluates every KPI in each group and window given. They are sorted by tenant
// and group, and within that in the order of the catalogue.
func (c *Compiled) Readings(at int64, totals []Totals) []Reading {
	panic("kpi: internal error: not built")
}

// Evaluate applies the formula of a KPI to what one group is known to be.
func (c *Compiled) Evaluate(d *Definition, in *Input) Value {
	panic("kpi: internal error: not built")
}
