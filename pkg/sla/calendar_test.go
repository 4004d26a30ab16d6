package sla

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := ParseZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// at reads an instant of a zone, as in 2026-03-29T09:00.
func at(t testing.TB, z *time.Location, text string) int64 {
	t.Helper()
	v, err := time.ParseInLocation("2006-01-02T15:04", text, z)
	if err != nil {
		t.Fatal(err)
	}
	return v.UnixMilli()
}

func spans(t testing.TB, texts ...string) []Span {
	t.Helper()
	out, _, err := ParseSpans(texts)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func date(t testing.TB, text string) Day {
	t.Helper()
	d, err := ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// weekdaysWith gives hours to some days of the week, as ParseWeekdays names them.
func weekdaysWith(t testing.TB, days string, hours ...string) (w Week) {
	t.Helper()
	list, err := ParseWeekdays(days)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		w[d] = spans(t, hours...)
	}
	return w
}

const hour = 60 * minute

// A clock that is always open leaves no minute out at midnight.
func TestAlwaysOpen(t *testing.T) {
	monday := int64(20514) * day
	always := (&Rules{Zone: zone(t, "Europe/Berlin"), Week: AlwaysOpen()}).Calendar()
	for _, c := range []*Calendar{nil, {}, always} {
		for _, open := range []int64{1, minute, day - 1, day, 400 * day} {
			if to := c.After(monday, open); to != monday+open || c.Elapsed(monday, to) != open {
				t.Errorf("%d ms after Monday is %d, with %d ms between", open, to, c.Elapsed(monday, to))
			}
		}
		if n := c.Elapsed(monday, monday-1); n != 0 {
			t.Errorf("backwards %d ms elapse", n)
		}
		if to := c.After(monday, 0); to != monday {
			t.Errorf("no time after Monday is %d", to)
		}
		if to := c.After(monday, Never); to != Never {
			t.Errorf("never is %d", to)
		}
	}
	if len(always.runs) != 1 {
		t.Errorf("a calendar that is always open has %d runs", len(always.runs))
	}
}

// The figures are reckoned by hand.
func TestByHand(t *testing.T) {
	berlin, shanghai, lordHowe := zone(t, "Europe/Berlin"), zone(t, "Asia/Shanghai"), zone(t, "Australia/Lord_Howe")
	office := Rules{Zone: berlin, Week: weekdaysWith(t, "monday-friday", "09:00-12:00", "13:00-17:00")}
	nights := Rules{Zone: berlin, Week: weekdaysWith(t, "monday-sunday", "01:00-05:00")}
	tiaoxiu := Rules{Zone: shanghai, Week: weekdaysWith(t, "monday-friday", "09:00-12:00", "13:30-18:00"),
		Holidays: daysFrom(date(t, "2026-02-15"), date(t, "2026-02-24")),
		Working:  []Day{date(t, "2026-02-14"), date(t, "2026-02-28")},
		Days:     map[Day][]Span{date(t, "2026-02-13"): spans(t, "09:00-12:00")}}
	half := Rules{Zone: lordHowe, Week: weekdaysWith(t, "sunday", "01:00-04:00")}
	summer := office
	summer.Changes = []Change{{From: date(t, "2026-07-01"), Week: weekdaysWith(t, "monday-friday", "08:00-14:00")}}
	fair := office
	fair.Closed = []Stretch{{at(t, berlin, "2026-11-23T11:00"), at(t, berlin, "2026-11-24T14:00")}}
	for _, c := range []struct {
		name     string
		rules    Rules
		zone     *time.Location
		from, to string
		want     int64
	}{
		{"over lunch", office, berlin, "2026-11-23T11:00", "2026-11-23T14:00", 2 * hour},
		{"a week", office, berlin, "2026-11-23T00:00", "2026-11-30T00:00", 35 * hour},
		{"over the weekend", office, berlin, "2026-11-20T16:30", "2026-11-23T09:30", hour},
		{"the night that has no 02:00", nights, berlin, "2026-03-29T00:00", "2026-03-29T12:00", 3 * hour},
		{"the night that has 02:00 twice", nights, berlin, "2026-10-25T00:00", "2026-10-25T12:00", 5 * hour},
		{"a clock that goes forward by half an hour", half, lordHowe, "2026-10-04T00:00", "2026-10-05T00:00", 150 * minute},
		{"a clock that goes back by half an hour", half, lordHowe, "2026-04-05T00:00", "2026-04-06T00:00", 210 * minute},
		{"half a day", tiaoxiu, shanghai, "2026-02-13T00:00", "2026-02-14T00:00", 3 * hour},
		{"a working Saturday", tiaoxiu, shanghai, "2026-02-14T00:00", "2026-02-15T00:00", 450 * minute},
		{"the New Year holidays", tiaoxiu, shanghai, "2026-02-15T00:00", "2026-02-24T00:00", 0},
		{"a Saturday", tiaoxiu, shanghai, "2026-03-07T00:00", "2026-03-08T00:00", 0},
		{"Friday to Tuesday after the holidays", tiaoxiu, shanghai, "2026-02-13T11:00", "2026-02-24T10:00", hour + 450*minute + hour},
		{"over a change of hours", summer, berlin, "2026-06-30T16:00", "2026-07-01T10:00", 3 * hour},
		{"after a change of hours", summer, berlin, "2026-07-06T00:00", "2026-07-13T00:00", 30 * hour},
		{"a stretch that is closed", fair, berlin, "2026-11-23T00:00", "2026-11-25T00:00", 2*hour + 3*hour},
	} {
		calendar := c.rules.Calendar()
		from, to := at(t, c.zone, c.from), at(t, c.zone, c.to)
		if got := calendar.Elapsed(from, to); got != c.want {
			t.Errorf("%s: %s open, want %s", c.name, time.Duration(got)*time.Millisecond, time.Duration(c.want)*time.Millisecond)
		}
	}
	if got, want := office.Calendar().After(at(t, berlin, "2026-11-20T16:00"), 5*hour), at(t, berlin, "2026-11-23T14:00"); got != want {
		t.Errorf("five hours from Friday 16:00 are over at %s", time.UnixMilli(got).In(berlin))
	}
	if got, want := office.Calendar().After(at(t, berlin, "2026-11-20T16:00"), hour), at(t, berlin, "2026-11-20T17:00"); got != want {
		t.Errorf("the last hour of a week is over at %s", time.UnixMilli(got).In(berlin))
	}
}

// A calendar that closes for good never reaches what is left, and one that is never open
// nothing.
func TestNever(t *testing.T) {
	utc := time.UTC
	closing := (&Rules{Zone: utc, Week: AlwaysOpen(), Changes: []Change{{From: date(t, "2026-01-01")}}}).Calendar()
	from := at(t, utc, "2025-12-31T23:00")
	if got := closing.After(from, hour); got != from+hour {
		t.Errorf("the last hour ends at %d", got)
	}
	if got := closing.After(from, hour+1); got != Never {
		t.Errorf("what is over after the end is over at %d", got)
	}
	if got := (&Rules{Zone: utc}).Calendar().After(from, 1); got != Never {
		t.Errorf("a calendar that is never open reached 1 ms at %d", got)
	}
	rare := (&Rules{Zone: utc, Week: weekdaysWith(t, "sunday", "00:00-00:01")}).Calendar()
	if got := rare.After(from, 1<<55); got != Never {
		t.Errorf("ages of one minute a week are over at %d", got)
	}
}

// open is the definition: what the clock on the wall shows at t is within the hours of
// the date that it shows. It shares nothing with Calendar.
func open(r *Rules, t int64) bool {
	for _, s := range r.Closed {
		if s.From <= t && t < s.To {
			return false
		}
	}
	wall := time.UnixMilli(t).In(r.Zone)
	today := DayOf(wall.Date())
	w, latest := r.Week, Day(-1)
	for _, c := range r.Changes {
		if c.From <= today && c.From > latest {
			w, latest = c.Week, c.From
		}
	}
	spans, own := r.Days[today]
	switch {
	case own:
	case slices.Contains(r.Working, today):
		for _, d := range []time.Weekday{1, 2, 3, 4, 5, 6, 0} {
			if spans = w[d]; len(spans) > 0 {
				break
			}
		}
	case slices.Contains(r.Holidays, today):
	default:
		spans = w[wall.Weekday()]
	}
	since := int64(wall.Hour())*hour + int64(wall.Minute())*minute
	return slices.ContainsFunc(spans, func(s Span) bool { return s.From <= since && since < s.To })
}

// draw makes rules around a date, with all that they may have.
func draw(r *rand.Rand, z *time.Location, around Day) *Rules {
	some := func() (out []Span) {
		for from := int64(0); from < day && len(out) < 3; {
			s := Span{From: from + r.Int64N(12*60)*minute}
			s.To = s.From + (1+r.Int64N(10*60))*minute
			if s.From >= day {
				break
			}
			s.To = min(s.To, day)
			out, from = append(out, s), s.To
		}
		return out
	}
	aWeek := func() (w Week) {
		for i := range w {
			if r.IntN(3) > 0 {
				w[i] = some()
			}
		}
		if r.IntN(4) == 0 {
			return AlwaysOpen()
		}
		return w
	}
	near := func() Day { return around + Day(r.IntN(30)) - 10 }
	rules := &Rules{Zone: z, Week: aWeek(), Days: map[Day][]Span{}}
	for range r.IntN(3) {
		rules.Days[near()] = some()
		rules.Holidays = append(rules.Holidays, near(), near())
		rules.Working = append(rules.Working, near())
		from := int64(near())*day + r.Int64N(1440)*minute
		rules.Closed = append(rules.Closed, Stretch{from, from + r.Int64N(3000)*minute})
	}
	for from, n := near(), r.IntN(3); n > 0; n-- {
		rules.Changes = append(rules.Changes, Change{From: from, Week: aWeek()})
		from += Day(1 + r.IntN(9))
	}
	return rules
}

// The clocks of these zones change on these days: by an hour, by half an hour, at
// midnight, and by a whole day; the last two have odd offsets.
var changes = map[string][]string{
	"Europe/Berlin":       {"2026-03-29", "2026-10-25"},
	"America/New_York":    {"2026-03-08", "2026-11-01"},
	"Australia/Lord_Howe": {"2026-04-05", "2026-10-04"},
	"Asia/Tehran":         {"2022-03-22", "2022-09-22", "2026-03-22"},
	"America/St_Johns":    {"2010-03-14", "2010-11-07"},
	"Pacific/Apia":        {"2011-12-30"},
	"Asia/Kathmandu":      {"2026-05-01"},
	"Asia/Shanghai":       {"1990-04-15", "2026-02-17"},
}

// Elapsed agrees with counting minute by minute, and After is its inverse.
func TestAgainstCountingMinutes(t *testing.T) {
	seed := uint64(20261122)
	for name, days := range changes {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, uint64(len(name))))
			z := zone(t, name)
			for i := range 40 {
				around := date(t, days[i%len(days)])
				rules := draw(r, z, around)
				if err := agrees(r, rules, int64(around)*day); err != nil {
					t.Fatalf("seed %d, case %d around %s: %v\n%+v", seed, i, around, err, *rules)
				}
			}
		})
	}
}

func agrees(r *rand.Rand, rules *Rules, around int64) error {
	c := rules.Calendar()
	begin := around - 3*day
	counted := []int64{0} // open time from begin to the beginning of each minute
	for m := begin; m < around+4*day; m += minute {
		n := counted[len(counted)-1]
		if open(rules, m) {
			n += minute
		}
		counted = append(counted, n)
	}
	until := func(t int64) int64 {
		m := (t - begin) / minute
		n := counted[m]
		if counted[m+1] > n {
			n += (t - begin) % minute
		}
		return n
	}
	for range 60 {
		from := begin + r.Int64N(6*day)
		to := from + r.Int64N(begin+7*day-1-from)
		want := until(to) - until(from)
		if got := c.Elapsed(from, to); got != want {
			return fmt.Errorf("from %s to %s: %d ms open, want %d", time.UnixMilli(from).UTC(), time.UnixMilli(to).UTC(), got, want)
		}
		if want == 0 {
			continue
		}
		due := c.After(from, want)
		if due > to || until(due)-until(from) != want || until(due-1)-until(from) >= want {
			return fmt.Errorf("%d ms after %s: %d", want, time.UnixMilli(from).UTC(), due)
		}
	}
	var stretches int64
	for from, to := range c.Open(begin, begin+7*day) {
		if from >= to || !open(rules, from) || open(rules, from-1) && from > begin || to < begin+7*day && open(rules, to) {
			return fmt.Errorf("open from %d to %d", from, to)
		}
		stretches += to - from
	}
	if stretches != counted[len(counted)-1] {
		return fmt.Errorf("the stretches are %d ms in all, want %d", stretches, counted[len(counted)-1])
	}
	return nil
}

// Every run has the offset that the zone has then, for as long as calendars are laid out.
func TestOffsetsOfAllYears(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for name := range changes {
		z := zone(t, name)
		c := (&Rules{Zone: z, Week: weekdaysWith(t, "monday", "09:00-17:00")}).Calendar()
		for range 20_000 {
			at := r.Int64N(int64(endDay) * day)
			_, want := time.UnixMilli(at).In(z).Zone()
			if got := c.runs[c.find(at)].shift; got != int64(want)*1000 {
				t.Fatalf("%s at %s: %d s, want %d", name, time.UnixMilli(at).UTC(), got/1000, want)
			}
		}
	}
}

// After reverses Elapsed over decades, before 1970 and after the last day laid out too.
func TestRoundTrips(t *testing.T) {
	seed := uint64(7)
	r := rand.New(rand.NewPCG(seed, 0))
	for name := range changes {
		rules := draw(r, zone(t, name), date(t, "2026-01-01"))
		c := rules.Calendar()
		for range 2000 {
			from := r.Int64N(160*365*day) - 10*365*day
			n := 1 + r.Int64N(1<<r.IntN(40))
			due := c.After(from, n)
			if due == Never {
				continue
			}
			if got := c.Elapsed(from, due); got != n || c.Elapsed(from, due-1) != n-1 {
				t.Fatalf("seed %d, %s: %d ms after %d is %d, with %d between", seed, name, n, from, due, got)
			}
			middle := from + (due-from)/2
			if a, b := c.Elapsed(from, middle), c.Elapsed(middle, due); a+b != n {
				t.Fatalf("seed %d, %s: %d and %d ms are not %d", seed, name, a, b, n)
			}
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"2026-02-30":            `"2026-02-30" is no date: write 2026-02-14, 2026-02-15/2026-02-23, or 12-25 for every year`,
		"13-01":                 `"13-01" is no date: write month and day, as in 12-25`,
		"2026-02-23/2026-02-15": `"2026-02-23/2026-02-15" has -7 days: give the first and the last date, at most a year apart`,
		"2026-02-23/soon":       `"soon" is no date: write it as in 2026-02-14`,
	} {
		if _, err := ParseDays(text); err == nil || err.Error() != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := ParseDay("1969-12-31"); err == nil || err.Error() != `"1969-12-31" is out of range: give a date from 1970-01-01 to 2106-12-31` {
		t.Error(err)
	}
	for _, c := range []struct {
		texts []string
		i     int
		want  string
	}{
		{[]string{"09:00-12:00", "11:00-13:00"}, 1, `"11:00-13:00" overlaps "09:00-12:00": join them, or take one away`},
		{[]string{"9 to 5"}, 0, `"9 to 5" is no part of a day: write it as in 09:00-12:30, to 24:00 at most`},
		{[]string{"22:00-06:00"}, 0, `"22:00-06:00" ends before it begins: a night is two parts, to 24:00 and, on the next day, from 00:00`},
		{[]string{"22:00-00:00"}, 0, `"22:00-00:00" has no end: write 24:00 for the end of the day`},
		{[]string{"08:00-25:00"}, 0, `"08:00-25:00" is no part of a day: write it as in 09:00-12:30, to 24:00 at most`},
	} {
		if _, i, err := ParseSpans(c.texts); err == nil || i != c.i || err.Error() != c.want {
			t.Errorf("%s: %d, %v", c.texts, i, err)
		}
	}
	for _, name := range []string{"", "Local", "local", "Mars/Base", "../etc"} {
		if _, err := ParseZone(name); err == nil {
			t.Errorf("zone %q passed", name)
		}
	}
	if _, err := ParseWeekdays("monday-caturday"); err == nil || err.Error() != `"caturday" is no day of the week: write monday, tuesday …` {
		t.Error(err)
	}
}

func TestDays(t *testing.T) {
	leap, err := ParseDays("02-29")
	if err != nil || len(leap) != 33 || leap[0].String() != "1972-02-29" { // 2100 is none
		t.Errorf("%d leap days from %v: %v", len(leap), leap[0], err)
	}
	days, err := ParseDays("2026-02-27/2026-03-02")
	if err != nil || cmp.Diff("[2026-02-27 2026-02-28 2026-03-01 2026-03-02]", fmt.Sprint(days)) != "" {
		t.Error(days, err)
	}
	round, err := ParseWeekdays("saturday-monday, Thursday")
	if err != nil || !slices.Equal(round, []time.Weekday{6, 0, 1, 4}) {
		t.Error(round, err)
	}
}
