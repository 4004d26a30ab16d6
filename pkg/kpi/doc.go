// Package kpi holds the nouns of deskpulse and their one decode and encode: the Event
// that comes in, the Facts that the engine derives from events, the Totals of measures
// that it publishes, and the Readings and rows that go out.
//
// The catalogue is data: a file of options, measures and KPIs. Compile turns the
// expressions of its measures into closures over facts, which allocate nothing, lays the
// measures out in the slots of one vector, and turns KPIs into formulas over these. What
// is wrong with a catalogue is told with file, line, column and remedy.
//
// It keeps no state and touches no clock and no network. A Compiled is not changed by
// being read, so goroutines may share it for evaluation; closures over facts share
// nothing but the symbols that they were compiled with.
package kpi
