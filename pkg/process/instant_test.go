package process

import (
	"testing"
	"time"
)

func TestInstant(t *testing.T) {
	want := time.Date(2016, time.April, 1, 0, 0, 30, 0, time.UTC)
	for _, text := range []string{"2016-04-01T00:00:30Z", "2016-04-01T08:00:30+08:00"} {
		var got Instant
		if err := got.UnmarshalText([]byte(text)); err != nil || !got.Equal(want) {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "2016-04-01", "2016-04-01 00:00:30", "now", "2016-13-01T00:00:30Z"} {
		var got Instant
		err := got.UnmarshalText([]byte(text))
		if err == nil || err.Error() != `"`+text+`" is no time: write it as 2016-04-01T00:00:30Z` {
			t.Errorf("%q: %v", text, err)
		}
	}
}
