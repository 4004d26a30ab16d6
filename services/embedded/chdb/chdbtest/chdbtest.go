// Package chdbtest gives tests a real ClickHouse. The test binary is its own
// child, so its TestMain must begin with [chdb.RunChildIfAsked].
package chdbtest

import (
	"context"
	"testing"

	"go.uber.org/zap/zaptest"

	"github.com/deskpulse/deskpulse/services/embedded/chdb"
)

// Start starts ClickHouse in dataDir and stops it when the test ends. A missing
// library fails the test with the command that fetches it.
func Start(t testing.TB, dataDir string) *chdb.Process {
	t.Helper()
	p, err := chdb.Start(t.Context(), chdb.Options{
		DataDir: dataDir,
		Log:     zaptest.NewLogger(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}
