// Package board shows the live KPIs: one web page and an HTTP API.
//
// In come the live totals of all partitions, already merged, up to four times a second
// (Config.Live), and for what is not live the history (Config.History). Of them it
// evaluates the KPIs that are asked for or shown, and no others. It keeps the newest
// snapshot only, as large as the merged totals, and has it again seconds after a restart.
// Out go the page, JSON, server-sent events and /metrics. Anyone who reaches the address
// may read everything, so it listens on loopback unless told otherwise.
//
// It fails towards silence: a partition that is not heard from is named as silent and
// left out, a client that reads slowly skips to the newest state, and what cannot be
// answered is a problem document (RFC 9457) that names the parameter, its value and the
// remedy.
package board
