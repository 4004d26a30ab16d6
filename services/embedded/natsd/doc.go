// Package natsd is the NATS server for one machine: the official server as a library,
// with JetStream in a folder and the mapping that spreads events over partitions.
//
// In comes a Config, out comes a listening Server. All state is in the folder Dir and
// survives Stop, a crash of the process and a restart; what a loss of power can cost is
// said at Config.SyncInterval. The listener has no passwords, so it belongs on the
// loopback interface: whoever must be reachable from elsewhere runs a NATS server of
// their own (docs/nats.md).
package natsd
