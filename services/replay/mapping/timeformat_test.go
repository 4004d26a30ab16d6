package mapping

import (
	"testing"
	"time"
)

func TestTimeFormats(t *testing.T) {
	for _, c := range []struct{ format, zone, value, want string }{
		{"iso", "", "2016-02-29", "2016-02-29T00:00:00Z"},
		{"iso", "", "2016-02-29 01:16", "2016-02-29T01:16:00Z"},
		{"iso", "Asia/Tehran", "2016-02-29T01:16:07.25", "2016-02-28T21:46:07.25Z"},
		{"iso", "Asia/Tehran", "2016-02-29T01:16:07Z", "2016-02-29T01:16:07Z"},
		{"iso", "", "2016-02-29 01:16:07 +0100", "2016-02-29T00:16:07Z"},
		{"iso", "", "2016-02-29T01:16+01", "2016-02-29T00:16:00Z"},
		{"iso", "", "2016-02-29T01:16:07.5-05:30", "2016-02-29T06:46:07.5Z"},
		{"iso", "", "2016-02-30", ""},
		{"iso", "", "2016-02-29 1:16", ""},
		{"iso", "", "20160229", ""},
		{"unix", "", "1456786800", "2016-02-29T23:00:00Z"},
		{"unix", "", "1456786800.25", "2016-02-29T23:00:00.25Z"},
		{"unix", "", "-1", "1969-12-31T23:59:59Z"},
		{"unix", "", "1456786800123", ""}, // milliseconds
		{"unix_ms", "", "1456786800123", "2016-02-29T23:00:00.123Z"},
		{"unix_us", "", "1456786800123000", "2016-02-29T23:00:00.123Z"},
		{"excel", "", "42429.5", "2016-02-29T12:00:00Z"},
		{"excel", "", "text", ""},
		{"%d/%m/%Y %H:%M", "Europe/London", "01/07/2016 12:00", "2016-07-01T11:00:00Z"},
		{"%d/%m/%Y %H:%M", "", "1/7/2016 9:05", "2016-07-01T09:05:00Z"},
		{"%m/%d/%Y %I:%M:%S %p", "", "12/31/2015 11:59:09 PM", "2015-12-31T23:59:09Z"},
		{"%Y%m%d%H%M%S", "", "20160301090807", "2016-03-01T09:08:07Z"},
		{"%a %b %d %H:%M:%S %z %Y", "", "Tue Oct 31 22:10:47 +0000 2017", "2017-10-31T22:10:47Z"},
		{"%Y-%m-%d %H:%M:%S.%f", "", "2016-03-01 09:08:07.123", "2016-03-01T09:08:07.123Z"},
		{"%Y-%m", "", "2016-03", "2016-03-01T00:00:00Z"},
		{"02.01.2006 15:04", "", "29.02.2016 01:16", "2016-02-29T01:16:00Z"},
		{"02.01.2006 15:04", "", "29.02.2016", ""},
	} {
		times, err := newTimes(c.zone, []string{c.format})
		if err != nil {
			t.Errorf("%s: %v", c.format, err)
			continue
		}
		got, err := times.parse(c.value)
		switch {
		case c.want == "" && err == nil:
			t.Errorf("%s: %q was read as %s", c.format, c.value, got)
		case c.want != "" && (err != nil || got.UTC().Format(time.RFC3339Nano) != c.want):
			t.Errorf("%s in %s: %q is %s, %v; want %s", c.format, c.zone, c.value, got.UTC(), err, c.want)
		}
	}
	for _, bad := range []string{"", "nonsense", "15:04", "%H:%M", "%Y-%q-%d", "%", "yyyy-MM-dd"} {
		if _, err := newTimeFormat(bad); err == nil {
			t.Errorf("format %q was taken", bad)
		}
	}
}

// TestFirstFormatWins: what two formats can read is read by the first.
func TestFirstFormatWins(t *testing.T) {
	times, err := newTimes("", []string{"%d/%m/%Y", "%m/%d/%Y"})
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{"03/04/2016": "2016-04-03", "12/31/2016": "2016-12-31"} {
		if got, err := times.parse(value); err != nil || got.Format(time.DateOnly) != want {
			t.Errorf("%s is %s, %v; want %s", value, got, err, want)
		}
	}
}
