package kpi

import "testing"

// TestSet reads sets of dimensions and writes them in their own order.
func TestSet(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""}, {"team", "team"}, {"priority, team", "team,priority"}, {"novelty,agent,agent", "agent,novelty"},
	} {
		s, err := ParseSet(c.text)
		if err != nil || s.String() != c.want {
			t.Errorf("ParseSet(%q) = %q, %v; want %q", c.text, s, err, c.want)
		}
	}
	if _, err := ParseSet("team,colour"); err == nil {
		t.Error("an unknown dimension is accepted")
	}
}
