package process

import (
	"fmt"
	"time"
)

// Instant is a time on the command line.
type Instant struct{ time.Time }

// UnmarshalText reads RFC 3339.
func (i *Instant) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return fmt.Errorf("%q is no time: write it as 2016-04-01T00:00:30Z", text)
	}
	i.Time = t
	return nil
}
