package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// library holds what the functions of expressions need of the mapping.
type library struct {
	times   *times
	decimal string // the decimal mark of numbers
	group   string // what stands between groups of digits; may be empty
	tables  map[string]*valueTable
}

// valueTable turns the values of a column into those of the contract.
type valueTable struct {
	name     string
	values   map[string]string
	fold     bool
	keep     bool    // an unlisted value stays as it is
	fallback *string // what an unlisted value becomes
}

func (t *valueTable) lookup(value string) (string, error) {
	key := value
	if t.fold {
		key = strings.ToLower(value)
	}
	switch out, ok := t.values[key]; {
	case ok:
		return out, nil
	case t.keep:
		return value, nil
	case t.fallback != nil:
		return *t.fallback, nil
	}
	return "", &valueError{value, fmt.Sprintf("is not in table %s: add it, or give the table a default", t.name)}
}

// options are the functions that a mapping has beside CEL's own.
func (l *library) options() []cel.EnvOption {
	text, number, when, span := cel.StringType, cel.DoubleType, cel.TimestampType, cel.DurationType
	options := []cel.EnvOption{
		function("time", when, l.time, text),
		function("time", when, l.time, text, text),
		function("time", when, l.time, text, text, text),
		function("formatTime", text, l.formatTime, when, text),
		function("formatTime", text, l.formatTime, when, text, text),
		function("addMonths", when, l.addMonths, when, cel.IntType),
		function("num", number, l.num, text),
		function("num", number, l.num, text, number),
		function("amount", text, l.amount, text),
		function("amount", text, l.amountOfNumber, number),
		function("hms", span, hms, text),
		function("toSeconds", number, toSeconds, span),
		function("lookup", text, l.lookup, text, text),
		function("coalesce", text, coalesce, cel.ListType(text)),
		function("hash", text, hash, text),
		function("slug", text, slug, text),
	}
	for name, unit := range map[string]time.Duration{
		"milliseconds": time.Millisecond, "seconds": time.Second, "minutes": time.Minute, "hours": time.Hour, "days": 24 * time.Hour,
	} {
		options = append(options, function(name, span, duration(unit), number), function(name, span, duration(unit), cel.IntType))
	}
	for n := 2; n <= 5; n++ {
		args := make([]*cel.Type, n)
		for i := range args {
			args[i] = text
		}
		options = append(options, function("coalesce", text, coalesce, args...))
	}
	return options
}

// function declares one overload; its id is made of the types.
func function(name string, result *cel.Type, body func(args ...ref.Val) (ref.Val, error), args ...*cel.Type) cel.EnvOption {
	id := name
	for _, a := range args {
		id += "_" + a.String()
	}
	return cel.Function(name, cel.Overload(id, args, result, cel.FunctionBinding(func(values ...ref.Val) ref.Val {
		out, err := body(values...)
		if err != nil {
			return types.WrapErr(err)
		}
		return out
	})))
}

func textOf(v ref.Val) string { return string(v.(types.String)) }

// time reads an instant; its further arguments are a format and a zone.
func (l *library) time(args ...ref.Val) (ref.Val, error) {
	t := l.times
	if len(args) > 1 {
		f, err := newTimeFormat(textOf(args[1]))
		if err != nil {
			return nil, err
		}
		t = &times{zone: t.zone, formats: []timeFormat{f}}
	}
	if len(args) > 2 {
		zone, err := loadZone(textOf(args[2]))
		if err != nil {
			return nil, err
		}
		t.zone = zone
	}
	when, err := t.parse(textOf(args[0]))
	if err != nil {
		return nil, err
	}
	return types.Timestamp{Time: when}, nil
}

// formatTime writes an instant in the mapping's zone, or in the one given.
func (l *library) formatTime(args ...ref.Val) (ref.Val, error) {
	zone := l.times.zone
	if len(args) > 2 {
		var err error
		if zone, err = loadZone(textOf(args[2])); err != nil {
			return nil, err
		}
	}
	layout := textOf(args[1])
	if strings.Contains(layout, "%") {
		var err error
		if layout, err = strftime(layout, false); err != nil {
			return nil, err
		}
	}
	return types.String(args[0].(types.Timestamp).Time.In(zone).Format(layout)), nil
}

// addMonths keeps the local day and time; a day that the month does not have becomes
// its last.
func (l *library) addMonths(args ...ref.Val) (ref.Val, error) {
	t := args[0].(types.Timestamp).Time.In(l.times.zone)
	first := time.Date(t.Year(), t.Month()+time.Month(args[1].(types.Int)), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
	last := time.Date(first.Year(), first.Month()+1, 0, 0, 0, 0, 0, t.Location()).Day()
	return types.Timestamp{Time: first.AddDate(0, 0, min(t.Day(), last)-1)}, nil
}

// plain writes a number as the file has it in the way of Go: no groups, a point.
func (l *library) plain(value string) string {
	if l.group != "" {
		value = strings.ReplaceAll(value, l.group, "")
	}
	if l.decimal != "" && l.decimal != "." {
		value = strings.Replace(value, l.decimal, ".", 1)
	}
	return value
}

func (l *library) num(args ...ref.Val) (ref.Val, error) {
	value := textOf(args[0])
	if value == "" && len(args) > 1 {
		return args[1], nil
	}
	x, err := strconv.ParseFloat(l.plain(value), 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		return nil, &valueError{value, "is no number: correct it, give num a second value for empty ones, or set numbers.decimal and numbers.group"}
	}
	return types.Double(x), nil
}

// maxPlaces is how many decimal places the contract has for money.
const maxPlaces = 4

// amount makes exact money of text: without a currency's sign, rounded to four places.
func (l *library) amount(args ...ref.Val) (ref.Val, error) {
	value := textOf(args[0])
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789+-"+l.decimal+l.group, r) {
			return r
		}
		return -1
	}, value)
	x, ok := new(big.Rat).SetString(l.plain(digits))
	if !ok || digits == "" {
		return nil, &valueError{value, "is no amount: correct it, or set numbers.decimal and numbers.group"}
	}
	return types.String(trimZeros(x.FloatString(maxPlaces))), nil
}

func (l *library) amountOfNumber(args ...ref.Val) (ref.Val, error) {
	return types.String(trimZeros(strconv.FormatFloat(float64(args[0].(types.Double)), 'f', maxPlaces, 64))), nil
}

func trimZeros(number string) string {
	number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	if number == "-0" || number == "" {
		return "0"
	}
	return number
}

func decimalText(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// hms reads a clock's duration: 1:02:03, 02:03 or 2:03.5.
func hms(args ...ref.Val) (ref.Val, error) {
	value := textOf(args[0])
	parts := strings.Split(strings.TrimPrefix(value, "-"), ":")
	bad := &valueError{value, "is no duration like 1:02:03 or 02:03: correct it"}
	if len(parts) < 2 || len(parts) > 3 {
		return nil, bad
	}
	var seconds float64
	for _, part := range parts {
		x, err := strconv.ParseFloat(part, 64)
		if err != nil || x < 0 || math.IsInf(x, 0) {
			return nil, bad
		}
		seconds = seconds*60 + x
	}
	if strings.HasPrefix(value, "-") {
		seconds = -seconds
	}
	return types.Duration{Duration: time.Duration(math.Round(seconds * float64(time.Second)))}, nil
}

func toSeconds(args ...ref.Val) (ref.Val, error) {
	return types.Double(args[0].(types.Duration).Duration.Seconds()), nil
}

func duration(unit time.Duration) func(args ...ref.Val) (ref.Val, error) {
	return func(args ...ref.Val) (ref.Val, error) {
		n, ok := args[0].(types.Double)
		if !ok {
			n = types.Double(args[0].(types.Int))
		}
		d := math.Round(float64(n) * float64(unit))
		if math.Abs(d) > math.MaxInt64/2 {
			return nil, &valueError{decimalText(float64(n)), "is too long a duration: use at most some hundred years"}
		}
		return types.Duration{Duration: time.Duration(d)}, nil
	}
}

func (l *library) lookup(args ...ref.Val) (ref.Val, error) {
	t, ok := l.tables[textOf(args[0])]
	if !ok {
		return nil, &valueError{textOf(args[0]), "is no table: name one of tables"}
	}
	out, err := t.lookup(textOf(args[1]))
	return types.String(out), err
}

// coalesce is the first value that is not empty.
func coalesce(args ...ref.Val) (ref.Val, error) {
	for _, a := range args {
		if a != types.String("") {
			return a, nil
		}
	}
	return types.String(""), nil
}

// hash hides a value behind a name that stays the same: 16 hex digits of SHA-256.
func hash(args ...ref.Val) (ref.Val, error) {
	value := textOf(args[0])
	if value == "" {
		return types.String(""), nil
	}
	sum := sha256.Sum256([]byte(value))
	return types.String(hex.EncodeToString(sum[:8])), nil
}

// slug makes a name that may be a tenant: letters and digits of ASCII, - and _.
func slug(args ...ref.Val) (ref.Val, error) {
	var b strings.Builder
	for _, r := range strings.ToLower(textOf(args[0])) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	out := strings.TrimRight(b.String(), "-")
	return types.String(strings.TrimRight(out[:min(len(out), 64)], "-")), nil
}
