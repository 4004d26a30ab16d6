package kpi

import (
	"math"
	"strconv"
	"time"
)

// The times that an event may hold, in Unix seconds: 1970-01-01T00:00:01Z ≤ t < 2106.
// 0 is kept free, to mean that a time was not given.
const (
	minTime = 1
	endTime = 4291747200
)

// millis is the time in Unix milliseconds, rounded down; 0 where it was not given.
func (s *stamp) millis(name string) (int64, *FieldError) {
	switch {
	case !s.set:
		return 0, nil
	case s.seconds < minTime || s.seconds >= endTime || s.nanos < 0 || s.nanos > 999_999_999:
		return 0, refuse(name, s.String(), ReasonRange, "give a time from 1970-01-01T00:00:01Z to the end of 2105")
	}
	return s.seconds*1000 + int64(s.nanos)/1_000_000, nil
}

func (s *stamp) String() string {
	if s.seconds < -1<<40 || s.seconds > 1<<40 || s.nanos < 0 || s.nanos > 999_999_999 {
		return strconv.FormatInt(s.seconds, 10) + " s " + strconv.Itoa(int(s.nanos)) + " ns"
	}
	return time.Unix(s.seconds, int64(s.nanos)).UTC().Format(time.RFC3339Nano)
}

const maxSeconds = 1e9 // 31 years

// seconds is the i-th number of the body in milliseconds, rounded half away from zero.
func (d *Decoder) seconds(i int, name string) (int64, *FieldError) {
	s := d.raw.numbers[i]
	if !(s >= 0 && s <= maxSeconds) {
		return 0, refuse(name, formatNumber(s), ReasonRange, "give seconds from 0 to 1000000000")
	}
	return int64(math.Round(s * 1000)), nil
}

func formatNumber(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

const maxScore = 100_000_000 // 10⁻⁶ of a point of 100

// normalise maps a score on a scale to 0 … maxScore.
func normalise(score, low, high float64) (int64, *FieldError) {
	span := high - low
	switch {
	case math.IsNaN(low) || math.IsInf(low, 0):
		return 0, refuse("scale_min", formatNumber(low), ReasonRange, "give a finite number")
	case !(span > 0) || math.IsInf(span, 0):
		return 0, refuse("scale_max", formatNumber(high), ReasonRange, "give a finite number that is greater than scale_min")
	case !(score >= low && score <= high):
		return 0, refuse("score", formatNumber(score), ReasonRange, "give a score from scale_min to scale_max")
	}
	return int64(math.Round((score - low) / span * maxScore)), nil
}

func checkCount(n int64, name string) *FieldError {
	if n < 0 {
		return refuse(name, strconv.FormatInt(n, 10), ReasonRange, "give 0 or more")
	}
	return nil
}

const (
	anySign     = false
	notNegative = true
)

// money converts the body's amount and checks its currency.
func (d *Decoder) money(name string, positive bool) *FieldError {
	ev, text := &d.event, d.raw.amount
	if text == "" {
		return missing(name, "add a decimal number in a string, as in \"12.50\"")
	}
	amount, ok := parseMoney(text)
	switch {
	case !ok:
		return refuse(name, text, ReasonInvalid, "give a decimal number of at most four places and 14 digits before them")
	case positive && amount < 0:
		return refuse(name, text, ReasonRange, "give 0 or more")
	case ev.Currency == "":
		return missing("currency", "add the currency's code in ISO 4217, as in EUR")
	case !isCurrency(ev.Currency):
		return refuse("currency", ev.Currency, ReasonInvalid, "use the currency's code in ISO 4217, as in EUR")
	}
	ev.Amount = amount
	return nil
}

func isCurrency(s string) bool {
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return len(s) == 3
}

const (
	moneyPlaces = 4
	moneyDigits = 14 // before the point, so that no amount overflows
)

// parseMoney reads -?digits(.digits{1,4})? exactly, as an integer of 10⁻⁴.
func parseMoney(s string) (int64, bool) {
	negative := s[0] == '-'
	if negative {
		s = s[1:]
	}
	whole, rest, ok := digits(s, moneyDigits)
	if !ok {
		return 0, false
	}
	var places int64
	count := 0
	if rest != "" {
		if rest[0] != '.' {
			return 0, false
		}
		var end string
		if places, end, ok = digits(rest[1:], moneyPlaces); !ok || end != "" {
			return 0, false
		}
		count = len(rest) - 1
	}
	for ; count < moneyPlaces; count++ {
		places *= 10
	}
	amount := whole*10_000 + places
	if negative {
		amount = -amount
	}
	return amount, true
}

// digits reads 1 to limit digits and returns what follows them.
func digits(s string, limit int) (value int64, rest string, ok bool) {
	i := 0
	for i < len(s) && s[i]-'0' <= 9 {
		if i == limit {
			return 0, "", false
		}
		value = value*10 + int64(s[i]-'0')
		i++
	}
	return value, s[i:], i > 0
}
