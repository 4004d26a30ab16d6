// Package bench measures the whole line, from a publisher's connection to a number that
// can be read: how many events pass in a second, beside what the broker alone would
// deliver, and how old an event is when it can be seen. It holds benchmarks alone:
//
//	make bench PKG=./tests/bench
//
// Broker, worker and publisher share this process and its cores, as in deskpulse run.
package bench
