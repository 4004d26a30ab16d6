package kpi

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// The reasons of a FieldError: a small closed set, fit for a metric's label.
const (
	ReasonMalformed = "malformed" // neither well-formed protobuf nor well-formed JSON
	ReasonUnknown   = "unknown"   // a name or an enum value that the contract does not have, or a currency without a rate
	ReasonMissing   = "missing"   // required and not given
	ReasonInvalid   = "invalid"   // not of the form that the field wants
	ReasonRange     = "range"     // outside what the field may hold
	ReasonText      = "text"      // not UTF-8, holds a NUL, or too long
	ReasonMismatch  = "mismatch"  // says something else than the subject
	ReasonDuplicate = "duplicate" // the same JSON name twice
)

// Reasons lists every Reason, for counters that should exist before the first error.
var Reasons = []string{
	ReasonMalformed, ReasonUnknown, ReasonMissing, ReasonInvalid,
	ReasonRange, ReasonText, ReasonMismatch, ReasonDuplicate,
}

var reasonPhrases = map[string]string{
	ReasonMalformed: "is malformed",
	ReasonUnknown:   "is unknown",
	ReasonMissing:   "is missing",
	ReasonInvalid:   "is not valid",
	ReasonRange:     "is out of range",
	ReasonText:      "is not clean text",
	ReasonMismatch:  "does not match the subject",
	ReasonDuplicate: "is given twice",
}

// FieldError says what is wrong with an event. It shares no memory with the input.
type FieldError struct {
	Field  string // the path as in JSON: "ticket.action", "events[3].occurred_at"
	Value  string // what was given, shortened; empty where nothing was
	Reason string // one of Reasons
	Remedy string // what the publisher should do, in one imperative sentence
}

func (e *FieldError) Error() string {
	var b strings.Builder
	b.WriteString(e.Field)
	if e.Value != "" {
		b.WriteByte(' ')
		b.WriteString(strconv.Quote(e.Value))
	}
	b.WriteByte(' ')
	b.WriteString(reasonPhrases[e.Reason])
	b.WriteString(": ")
	b.WriteString(e.Remedy)
	return b.String()
}

// in puts the field below a parent. It may be called on nil, to keep callers flat.
func (e *FieldError) in(parent string) *FieldError {
	switch {
	case e == nil:
	case e.Field == "":
		e.Field = parent
	case e.Field[0] == '[':
		e.Field = parent + e.Field
	default:
		e.Field = parent + "." + e.Field
	}
	return e
}

// root names the whole event where no field of it could be named.
func (e *FieldError) root() *FieldError {
	if e != nil && e.Field == "" {
		e.Field = "event"
	}
	return e
}

const maxShown = 64 // bytes of a value that an error repeats

// shown returns a copy of a value that is short enough for a message.
func shown(value string) string {
	if len(value) <= maxShown {
		return strings.Clone(value)
	}
	cut := maxShown
	for cut > maxShown-utf8.UTFMax && !utf8.RuneStart(value[cut]) {
		cut--
	}
	return value[:cut] + "…"
}

func missing(field, remedy string) *FieldError {
	return &FieldError{Field: field, Reason: ReasonMissing, Remedy: remedy}
}

func malformed(remedy string) *FieldError {
	return &FieldError{Reason: ReasonMalformed, Remedy: remedy}
}

func refuse(field, value, reason, remedy string) *FieldError {
	return &FieldError{Field: field, Value: shown(value), Reason: reason, Remedy: remedy}
}
