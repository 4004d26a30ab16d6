// Package scenario_test reads scenarios: text files in testdata that tell a story of events
// and the numbers that deskpulse must show at given times. The numbers are written by
// hand, with the arithmetic above them.
//
// # A file
//
// Lines that begin in the first column are statements or prose; a tab begins a line
// that belongs to the statement above it.
//
//	# Prose begins with a number sign.
//
//	config
//		zone: Europe/Berlin
//
//	2026-03-02T09:00+01:00 ticket T1 created customer=anna team=red
//	2026-03-02T09:10+01:00 ticket T1 replied role=agent
//
//	read 2026-03-02T10:00+01:00 kpi=response_time window=24h by=team
//		team=red 10m n=1
//
// The configuration is YAML as in docs/configuration.md. A file may hold several, each
// with a name behind the word config; then reads say which they mean, as in
// config=before, and every configuration meets the same events. KPIs of a company's own
// stand below the word catalogue, as in a file of docs/defining-kpis.md.
//
// # Events
//
// An event is its time, kind, id of the ticket, call, cost …, action (where the kind has
// actions) and fields, by the names of docs/events.md; "_id" at the end of a field's name
// may be left out, lists are separated by commas, and texts with blanks stand in double
// quotes. It goes through deskpulse's own decoder. Its id is the number of its line,
// unless it says id=…; its tenant is acme; an event that names no customer and no key has
// the key of the first event of its ticket, call …, as a publisher must give it. An
// agent's id is the agent's name; that of a void is the event to retract.
//
// "x 3" at the end repeats an event, with # replaced by 1, 2, 3; "x 3 every 10m" also moves
// the time.
//
// # Reads
//
// A read names an instant, one or several KPIs, windows and dimensions. Each line below
// it is one reading, found by what the read leaves open: the KPI where several are asked
// for, the window likewise, and the value of each dimension of by. What has no value is
// – where there is no breakdown; in one, it is left out, as is a count of nothing.
//
// A value is a number, a duration (1h30m) or a ratio; a ratio is written with its two sides,
// 1/3, and both must be right. Behind it may stand n= (samples), p50= … (quantiles, right
// within their promised 1.1 %), immature= and the parts of an index by name.
//
// A plain read knows all events of the file: it is restated. A live read knows only those
// before its instant, as somebody who watched at the time.
//
// A list names an instant and what is listed: tickets open or overdue then, from the
// entity rows that drill-down reads.
//
// # How it runs
//
// Every file runs in order, shuffled, with every event twice, split over four
// partitions, and restored from a snapshot midway. All must show the same numbers, and
// in each the cells of every breakdown must add up to the whole. Files of more than 100,000
// events run over four partitions only.
//
// go test ./tests/scenario -rewrite writes what the engine says into the files. That is for
// the form; that the numbers are right is for the author to see.
package scenario_test
