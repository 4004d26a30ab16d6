package oracle

import (
	"time"

	"pgregory.net/rapid"

	"github.com/deskpulse/deskpulse/pkg/sla"
)

// office is a working week of 9 to 17 with a lunch break and without Fridays, in a zone.
func office(zone *time.Location) func(int64) bool {
	known := map[int64]bool{}
	return func(minute int64) bool {
		open, ok := known[minute]
		if !ok {
			t := time.Unix(minute*60, 0).In(zone)
			h := t.Hour()*60 + t.Minute()
			open = t.Weekday() != time.Friday && (h >= 9*60 && h < 12*60+30 || h >= 13*60 && h < 17*60)
			known[minute] = open
		}
		return open
	}
}

// policies are targets by priority and team, and a policy that begins in the middle.
func policies(s stage) Rules {
	open := office(s.calendar.Zone)
	change := s.middle()
	return Rules{
		Calendar:      s.calendar,
		TargetChanges: []int64{change},
		Targets: func(at int64, attribute func(string) string) Targets {
			switch {
			case attribute("priority") == "high":
				return Targets{
					FirstResponse: Clock{Target: 10 * minute},
					NextResponse:  Clock{Target: 20 * minute},
					Resolution:    Clock{Target: 60 * minute},
				}
			case attribute("team") == "b" && attribute("type") != "question":
				return Targets{FirstResponse: Clock{Target: 15 * minute, Open: open}, Resolution: Clock{Target: 240 * minute, Open: open}}
			case at < change:
				return Targets{}
			case attribute("priority") == "low":
				return Targets{Resolution: Clock{Target: 30 * minute, Open: open}}
			default: // the clock runs by the policy's calendar, without a target
				return Targets{Resolution: Clock{Open: open}}
			}
		},
	}
}

func (s stage) middle() int64 { return (s.from + s.span/2) * 1000 }

// agree gives the engine the same targets, in its words, or none to both.
func (s *setting) agree(t *rapid.T) {
	if chance(t, "no targets", 3) {
		return
	}
	s.rules.Targets, s.rules.TargetChanges = policies(s.stage).Targets, policies(s.stage).TargetChanges
	week := sla.Week{}
	for d := range week {
		if time.Weekday(d) != time.Friday {
			week[d] = []sla.Span{{From: 9 * 60 * minute, To: (12*60 + 30) * minute}, {From: 13 * 60 * minute, To: 17 * 60 * minute}}
		}
	}
	hours := (&sla.Rules{Zone: s.calendar.Zone, Week: week}).Calendar()
	var err error
	s.config.Policies, err = sla.NewPolicies([]sla.Policy{
		{
			Name: "urgent", When: `priority == "high"`,
			FirstResponse: sla.Goal{Default: 10 * time.Minute},
			NextResponse:  sla.Goal{Default: 20 * time.Minute},
			Resolution:    sla.Goal{Default: time.Hour},
		},
		{
			Name: "office", When: `team == "b" && type != "question"`,
			FirstResponse: sla.Goal{Default: 15 * time.Minute, Calendar: hours},
			Resolution:    sla.Goal{Default: 4 * time.Hour, Calendar: hours},
		},
		{Name: "new", ValidFrom: s.middle(), Resolution: sla.Goal{ByPriority: map[string]time.Duration{"low": 30 * time.Minute}, Calendar: hours}},
	}, []string{"tenant", "type", "team", "channel"})
	if err != nil {
		t.Fatal(err)
	}
}
