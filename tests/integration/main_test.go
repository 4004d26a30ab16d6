package integration

import (
	"os"
	"testing"

	"github.com/deskpulse/deskpulse/services/embedded/chdb"
)

func TestMain(m *testing.M) {
	chdb.RunChildIfAsked()
	os.Exit(m.Run())
}
