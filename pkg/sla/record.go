package sla

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Record is what has been applied to events before an instant: it is kept with them, so
// that a start with edited policies can tell whether the past would read otherwise.
type Record struct {
	At       int64     `json:"at"` // Unix ms
	Versions []Version `json:"versions"`
}

// Version is one version of a policy that has been in force.
type Version struct {
	Policy    string `json:"policy"`
	ValidFrom int64  `json:"valid_from"` // Unix ms
	Rule      string `json:"rule"`       // a fingerprint of condition and targets
	Calendars string `json:"calendars"`  // a fingerprint of the open time of its calendars before At
}

// Record returns what applies to events before an instant, in the order of the policies.
func (p *Policies) Record(at int64) Record {
	r := Record{At: at}
	if p == nil {
		return r
	}
	digests := make(map[*Calendar][]byte)
	for i := range p.rules {
		if rule := &p.rules[i]; rule.ValidFrom < at {
			r.Versions = append(r.Versions, rule.version(at, digests))
		}
	}
	return r
}

// Rewrites says why the policies would change what an earlier start has already applied;
// nil where they would not.
func (p *Policies) Rewrites(was Record) error {
	now := p.Record(was.At)
	for i, v := range was.Versions {
		k := slices.IndexFunc(now.Versions, func(n Version) bool { return n.Policy == v.Policy && n.ValidFrom == v.ValidFrom })
		switch {
		case k < 0:
			return rewrites(v, was.At, "is gone", "put it back, and end it by a version that begins later")
		case now.Versions[k].Rule != v.Rule:
			return rewrites(v, was.At, "has been edited", "put it back, and give the new one a valid_from that is later")
		case now.Versions[k].Calendars != v.Calendars:
			return rewrites(v, was.At, "has other open hours in the past", "let a change of hours begin later")
		case k < i:
			return rewrites(v, was.At, "has another place in the list", "keep the order of policies in force")
		case k > i:
			return rewrites(now.Versions[i], was.At, "is new or has another place in the list", "give it a valid_from that is later, and keep the order of policies in force")
		}
	}
	if n := len(was.Versions); len(now.Versions) > n && (n > 0 || was.At > 0) {
		return rewrites(now.Versions[n], was.At, "is new", "give it a valid_from that is later")
	}
	return nil
}

func rewrites(v Version, at int64, what, remedy string) error {
	return fmt.Errorf("policy %q, which events before %s have been read with, %s: %s, or start with --restate to read the past anew",
		v.Policy, time.UnixMilli(at).UTC().Format(time.RFC3339), what, remedy)
}

// Fingerprint changes whenever any policy, calendar, holiday or time zone does that could
// change a due time.
func (p *Policies) Fingerprint() string {
	h := sha256.New()
	for _, v := range p.Record(int64(endDay) * day).Versions {
		fmt.Fprintf(h, "%q %d %s %s\n", v.Policy, v.ValidFrom, v.Rule, v.Calendars)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (r *rule) version(at int64, digests map[*Calendar][]byte) Version {
	what, hours := sha256.New(), sha256.New()
	fmt.Fprintf(what, "%q\n", r.When)
	for _, g := range []*Goal{&r.FirstResponse, &r.NextResponse, &r.Resolution} {
		for _, priority := range slices.Sorted(maps.Keys(g.ByPriority)) {
			fmt.Fprintf(what, "%q %d ", priority, g.ByPriority[priority])
		}
		fmt.Fprintf(what, "%d\n", g.Default)
		if digests[g.Calendar] == nil {
			digests[g.Calendar] = g.Calendar.digest(at)
		}
		hours.Write(digests[g.Calendar])
	}
	return Version{Policy: r.Name, ValidFrom: r.ValidFrom, Rule: hex.EncodeToString(what.Sum(nil)[:16]), Calendars: hex.EncodeToString(hours.Sum(nil)[:16])}
}

// digest is a fingerprint of the open time before an instant: two calendars that open and
// close alike have the same, however they are written.
func (c *Calendar) digest(until int64) []byte {
	h := sha256.New()
	var b [16]byte
	for from, to := range c.Open(int64(firstDay)*day, until) {
		binary.LittleEndian.PutUint64(b[:8], uint64(from))
		binary.LittleEndian.PutUint64(b[8:], uint64(to))
		h.Write(b[:])
	}
	return h.Sum(nil)[:16]
}
