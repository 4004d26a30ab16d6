// Package process holds what every role of deskpulse needs and no KPI logic does: the
// logger, the signals, the group of actors that is a running process, its health, its
// configuration file, its HTTP server and its version.
//
// A process is a set of actors. The first to return ends all the others; then the
// clean-ups run, last in, first out. One timeout bounds the whole stop, so a process
// that hangs says which part of it does.
//
// Nothing here is global, except the version that the linker sets.
package process
