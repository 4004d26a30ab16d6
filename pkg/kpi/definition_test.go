package kpi

import "testing"

// TestCatalogue wants the three headline KPIs, named in three languages.
func TestCatalogue(t *testing.T) {
	catalogue, err := LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key     string
		kind    Type
		formula Formula
	}{
		{"response_time", Flow, Distribution}, {"overdue_ratio", Stock, Ratio}, {"repeat_incident_ratio", Flow, Ratio},
	} {
		d, ok := catalogue.Find(c.key)
		if !ok || d.Type != c.kind || d.Formula != c.formula {
			t.Errorf("%s: %+v", c.key, d)
			continue
		}
		for _, language := range []string{"en", "zh", "fa"} {
			if d.Names[language] == "" {
				t.Errorf("%s has no name in %s", c.key, language)
			}
		}
	}
}

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
