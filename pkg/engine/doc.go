// Package engine holds the state of one partition: what its events amount to.
//
// In: decoded events, one at a time, in any order, with duplicates, each with its
// position in the stream. State: every ticket, call and complaint with its history
// (so that an event which comes late lands where it belongs), the reports of every
// incident, and a timeline for each measure and combination of dimensions. Out:
// readings as of an instant, and the rows that have changed.
//
// Every entity gives its contributions to additive measures by a pure fold over its
// history. An event that is the newest of its entity takes one step of that fold; any
// other takes back the old contributions and gives the new ones. So the order of events
// never matters, as long as the horizon of the timelines exceeds their disorder.
//
// The state is a function of the configuration and of the events and positions applied.
// Nothing here reads a clock, starts a goroutine or does I/O; one goroutine at a time
// may call. A broken promise of the package itself panics with "engine: internal error".
package engine
