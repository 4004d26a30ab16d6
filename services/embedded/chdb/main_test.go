package chdb_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/deskpulse/deskpulse/services/embedded/chdb"
)

func TestMain(m *testing.M) {
	chdb.RunChildIfAsked()
	runParentIfAsked()
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
