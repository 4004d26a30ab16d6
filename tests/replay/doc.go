// Package replay_test proves that a replay of real logs gives the KPIs that can be
// computed straight from their rows.
package replay_test
