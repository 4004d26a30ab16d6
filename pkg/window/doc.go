// Package window is the mathematics of rolling windows: sparse additive vectors,
// histograms of exponential buckets, and timelines that keep their totals in rings of
// seconds, minutes and hours.
//
// Everything is int64 and additive, so order never matters. Time is Unix seconds and
// always an argument; intervals are half-open. Nothing here is safe for concurrent use.
package window
