package period

import (
	"math"
	"testing"
	"time"
)

// New year's days and other dates as printed in calendars of Iran.
func TestSolarHijriDatesThatAreKnown(t *testing.T) {
	c := calendar(t, "Asia/Tehran", SolarHijri, time.Saturday, 1)
	for _, tt := range []struct {
		year, month, day int
		gregorian        string
	}{
		{1304, 1, 11, "1925-03-31"}, // the calendar became law
		{1349, 1, 1, "1970-03-21"},
		{1357, 11, 22, "1979-02-11"}, // the revolution
		{1348, 10, 11, "1970-01-01"},
		{1370, 1, 1, "1991-03-21"},
		{1375, 1, 1, "1996-03-20"},
		{1375, 12, 30, "1997-03-20"},
		{1376, 1, 1, "1997-03-21"},
		{1378, 10, 11, "2000-01-01"},
		{1379, 1, 1, "2000-03-20"},
		{1387, 12, 30, "2009-03-20"},
		{1391, 12, 30, "2013-03-20"},
		{1395, 12, 30, "2017-03-20"},
		{1399, 1, 1, "2020-03-20"},
		{1399, 12, 30, "2021-03-20"},
		{1400, 1, 1, "2021-03-21"},
		{1401, 1, 1, "2022-03-21"},
		{1402, 1, 1, "2023-03-21"},
		{1403, 1, 1, "2024-03-20"},
		{1403, 12, 30, "2025-03-20"},
		{1404, 1, 1, "2025-03-21"},
		{1405, 1, 1, "2026-03-21"},
		{1408, 12, 30, "2030-03-20"},
	} {
		at, err := time.Parse(time.DateOnly, tt.gregorian)
		if err != nil {
			t.Fatal(err)
		}
		if y, m, d := c.Date(dayOf(at)); y != tt.year || m != tt.month || d != tt.day {
			t.Errorf("%s is %d-%02d-%02d, want %d-%02d-%02d", tt.gregorian, y, m, d, tt.year, tt.month, tt.day)
		}
		if got, err := c.DayOf(tt.year, tt.month, tt.day); err != nil || got != dayOf(at) {
			t.Errorf("%d-%02d-%02d is day %d, %v; want %d", tt.year, tt.month, tt.day, got, err, dayOf(at))
		}
	}
}

// The law names the sky: a year begins on the day before whose noon in Tehran (true solar
// noon at 52.5° east) the equinox falls. The rule of 33 years must agree with it.
func TestSolarHijriAgreesWithTheSky(t *testing.T) {
	var closest float64 = 1
	for year := 1178; year <= 1501; year++ {
		local := equinox(year+621) + 52.5/360 + equationOfTime // days since 1970, noon of the meridian at .5
		want := int(math.Ceil(local - 0.5))
		if got := hijriNewYear(year); got != want {
			t.Errorf("%d begins on day %d, and by the equinox at %.4f on %d", year, got, local, want)
		}
		closest = min(closest, math.Abs(local-0.5-math.Round(local-0.5)))
	}
	// The equinoxes are known to a minute, so none may be nearer to noon than that.
	if closest < 1./1440 {
		t.Errorf("an equinox is %.1f minutes from noon: the calculation cannot decide", closest*1440)
	}
}

// equationOfTime is what a sundial is behind mean time at the March equinox: 7.4 minutes.
const equationOfTime = -7.4 / 1440

// equinox returns the instant of the March equinox in days since 1970 UT: the mean
// equinox for years from 1000 to 3000, the largest periodic terms (J. Meeus, Astronomical
// Algorithms, chapter 27), and a rough difference of terrestrial and universal time.
func equinox(year int) float64 {
	y := float64(year-2000) / 1000
	jde := 2451623.80984 + 365242.37404*y + 0.05169*y*y - 0.00411*y*y*y - 0.00057*y*y*y*y
	T := (jde - 2451545) / 36525
	rad := math.Pi / 180
	w := (35999.373*T - 2.47) * rad
	lambda := 1 + 0.0334*math.Cos(w) + 0.0007*math.Cos(2*w)
	var s float64
	for _, term := range [][3]float64{
		{485, 324.96, 1934.136}, {203, 337.23, 32964.467}, {199, 342.08, 20.186}, {182, 27.85, 445267.112},
		{156, 73.14, 45036.886}, {136, 171.52, 22518.443}, {77, 222.54, 65928.934}, {74, 296.72, 3034.906},
		{70, 243.58, 9037.513}, {58, 119.81, 33718.147}, {52, 297.17, 150.678}, {50, 21.02, 2281.226},
		{45, 247.54, 29929.562}, {44, 325.15, 31555.956}, {29, 60.93, 4443.417}, {18, 155.12, 67555.328},
		{17, 288.79, 4562.452}, {16, 198.04, 62894.029}, {14, 199.76, 31436.921}, {12, 95.39, 14577.848},
		{12, 287.11, 31931.756}, {12, 320.81, 34777.259}, {9, 227.73, 1222.114}, {8, 15.45, 16859.074},
	} {
		s += term[0] * math.Cos((term[1]+term[2]*T)*rad)
	}
	deltaT := 65 + 30*float64(year-2000)/50 // seconds; within a minute of the truth over these centuries
	if year < 2000 {
		deltaT = max(0, 65-float64(2000-year))
	}
	return jde + 0.00001*s/lambda - deltaT/86400 - 2440587.5
}

func TestSolarHijriDaysFollowEachOther(t *testing.T) {
	c := calendar(t, "UTC", SolarHijri, time.Saturday, 1)
	first, err := c.DayOf(1300, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	year, month, dom := 1300, 1, 1
	for d := first; year < 1501; d++ {
		if y, m, n := c.Date(d); y != year || m != month || n != dom {
			t.Fatalf("day %d is %d-%d-%d, want %d-%d-%d", d, y, m, n, year, month, dom)
		}
		if got := hijriDay(year, month, dom); got != d {
			t.Fatalf("%d-%d-%d is day %d, want %d", year, month, dom, got, d)
		}
		dom++
		if dom > monthLength(year, month) {
			month, dom = month+1, 1
		}
		if month > 12 {
			year, month = year+1, 1
		}
	}
}

// monthLength knows leap years from the printed list of remainders of 33.
func monthLength(year, month int) int {
	switch {
	case month <= 6:
		return 31
	case month <= 11:
		return 30
	}
	switch year % 33 {
	case 1, 5, 9, 13, 17, 22, 26, 30:
		return 30
	}
	return 29
}
