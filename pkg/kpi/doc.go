// Package kpi holds the nouns of deskpulse and their one decode and encode: the Event
// that comes in, the Reading and the rows that go out, and the catalogue of
// Definitions that says which measures a KPI is a formula over.
//
// It keeps no state and touches no clock and no network.
package kpi
