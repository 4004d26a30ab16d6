package replay_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/services/replay"
)

// budget is what a replay of any size may take, resident.
const budget = 256 << 20

// BenchmarkMemory replays 300 MB of rows that are neither grouped by entity nor sorted
// by time, and reports the peak of the process's resident memory.
func BenchmarkMemory(b *testing.B) {
	dir := b.TempDir()
	data, rows := generate(b, dir, 300<<20)
	for b.Loop() {
		c := replay.Command{
			Mapping: write(b, dir, "mapping.yaml", memoryMapping), Data: []string{data},
			Events: true, Memory: 32, TempDir: dir, Stdout: io.Discard, Stderr: io.Discard,
		}
		if err := c.Run(b.Context(), zap.NewNop()); err != nil {
			b.Fatal(err)
		}
	}
	peak := peakRSS(b)
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
	if peak > budget {
		b.Errorf("peak resident memory is %d MiB, over the budget of %d MiB", peak>>20, budget>>20)
	}
}

const memoryMapping = `
tenant: acme
time: {formats: [unix]}
entity: row.ticket
order: [int(row.at)]
fields: {ticket_id: "${row.ticket}", team: "${row.team}"}
events:
  - {kind: ticket, action: created, when: n == 0, at: row.at}
  - {kind: ticket, action: updated, when: row.state != prev.state, at: row.at}
`

func generate(b *testing.B, dir string, size int) (path string, rows int) {
	b.Helper()
	path = filepath.Join(dir, "rows.csv")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "ticket,at,state,team,note")
	note := strings.Repeat("some words about it ", 3)
	const tickets = 500_000
	for written := 0; written < size; rows++ {
		n, err := fmt.Fprintf(w, "T%d,%d,s%d,team %d,%s\n", rows*7919%tickets, 1_600_000_000+int64(rows)*104_729%30_000_000, rows%5, rows%40, note)
		if err != nil {
			b.Fatal(err)
		}
		written += n
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	return path, rows
}

func write(tb testing.TB, dir, name, text string) string {
	tb.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// peakRSS is the most memory that this process ever had resident, in bytes.
func peakRSS(b *testing.B) int64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			return kib << 10
		}
	}
	b.Fatal("/proc/self/status has no VmHWM")
	return 0
}
