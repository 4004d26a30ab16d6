package oracle

import (
	"math/big"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// standing are the tickets that were not merged: those that were have their samples withdrawn.
func standing(a *asker) (out []*ticket) {
	f := a.outcome()
	for i := range f.tickets {
		if t := &f.tickets[i]; !t.merged {
			out = append(out, t)
		}
	}
	return out
}

// byOutcome: raised at its creation, and belonging to whom it was at the resolution in
// force, if there is one.
func (t *ticket) byOutcome() moment {
	m := t.created
	if t.resolved.is {
		m.dims = t.resolved.dims
	}
	return m
}

// cohort are the tickets raised in the window.
func cohort(a *asker) (out []*ticket) {
	for _, t := range standing(a) {
		if a.in(t.byOutcome()) {
			out = append(out, t)
		}
	}
	return out
}

// resolvedNow are the tickets whose resolution in force lies in the window.
func resolvedNow(a *asker) (out []*ticket) {
	for _, t := range standing(a) {
		if a.in(t.resolved) {
			out = append(out, t)
		}
	}
	return out
}

func how(list []*ticket, holds func(*ticket) bool) (n int64) {
	for _, t := range list {
		if holds(t) {
			n++
		}
	}
	return n
}

// open are the tickets that are open at the instant.
func open(a *asker) (out []*ticket) {
	f := a.now()
	for i := range f.tickets {
		if t := &f.tickets[i]; t.open && a.mine(t.dims) {
			out = append(out, t)
		}
	}
	return out
}

// firstHandled gives the samples of response time of tickets, as the option says.
func firstHandled(a *asker) (samples []int64) {
	for _, t := range standing(a) {
		end, start := t.handled, t.created.at
		switch a.option("first_handling") {
		case "reply":
			end = t.replied
		case "bot_too":
			end = earlier(t.handled, t.botReplied)
		case "first_message":
			if t.message.is && t.created.at < t.message.at && t.message.at < t.handled.at {
				start = t.message.at
			}
		}
		if a.in(end) {
			samples = append(samples, max(0, end.at-start))
		}
	}
	return samples
}

// answered gives the waits of calls and chats until a person answered.
func answered(a *asker) (samples []int64) {
	f := a.outcome()
	for i := range f.calls {
		if c := &f.calls[i]; !c.outbound && a.in(c.answered) {
			samples = append(samples, max(0, c.answered.at-c.offered.at))
		}
	}
	for i := range f.sessions {
		if s := &f.sessions[i]; s.typ == chatSession && a.in(s.answered) {
			samples = append(samples, max(0, s.answered.at-s.started.at))
		}
	}
	return samples
}

// waitsOf are the waits of customers: until first handling, and until callers gave up.
func waitsOf(a *asker) []int64 {
	samples := append(firstHandled(a), answered(a)...)
	f := a.outcome()
	for i := range f.calls {
		if c := &f.calls[i]; !c.outbound && a.in(c.abandoned) {
			samples = append(samples, max(0, c.abandoned.at-c.offered.at))
		}
	}
	return samples
}

// samplesOf gives durations of tickets that end in the window.
func samplesOf(a *asker, end func(*ticket) moment, ms func(*ticket) int64) Answer {
	var samples []int64
	for _, t := range standing(a) {
		if a.in(end(t)) {
			samples = append(samples, ms(t))
		}
	}
	return distribution(samples)
}

// spansOf gives the spans of tickets that ended in the window.
func spansOf(a *asker, list func(*ticket) []span) (out []span) {
	for _, t := range standing(a) {
		for _, s := range list(t) {
			if a.in(s.ended) {
				out = append(out, s)
			}
		}
	}
	return out
}

func lengths(spans []span) (out []int64) {
	for _, s := range spans {
		out = append(out, s.ms)
	}
	return out
}

// overdue: past its due time, and not resolved unless the option counts those too.
func overdue(a *asker, until string) int64 {
	return how(open(a), func(t *ticket) bool {
		return t.resolution.over && (!t.resolved.is || until == "closed")
	})
}

var headlines = map[string]definition{
	"response_time": func(a *asker) Answer { return distribution(append(firstHandled(a), answered(a)...)) },
	"mean_wait":     func(a *asker) Answer { return distribution(waitsOf(a)) },
	"overdue_ratio": func(a *asker) Answer { return share(overdue(a, a.option("overdue_until")), int64(len(open(a)))) },
	"first_reply_time": func(a *asker) Answer {
		return samplesOf(a, func(t *ticket) moment { return t.replied }, func(t *ticket) int64 { return t.replied.at - t.created.at })
	},
	"time_to_start": func(a *asker) Answer {
		return samplesOf(a, func(t *ticket) moment { return t.started }, func(t *ticket) int64 { return t.started.at - t.created.at })
	},
	"repeat_incident_ratio": func(a *asker) Answer {
		if a.period {
			return nothing()
		}
		reported, repeated := repeats(a)
		return share(repeated, reported)
	},
}

// reliability: not reopened, of the resolutions of the window, in points.
func reliability(a *asker) *big.Rat {
	undone, all := resolutions(a)
	return hundredfold(share(all-undone, all).Value)
}

// timeliness: resolved within target, of those resolved in the window with a target.
func timeliness(a *asker) *big.Rat {
	breached, all := resolvedWithTarget(a)
	return hundredfold(share(all-breached, all).Value)
}

func hundredfold(r *big.Rat) *big.Rat {
	if r == nil {
		return nil
	}
	return new(big.Rat).Mul(r, number(100))
}

// resolutions counts those of the window, and how many of them were undone.
func resolutions(a *asker) (undone, all int64) {
	for _, t := range standing(a) {
		if a.in(t.resolved) {
			all++
		}
		for _, m := range t.undone {
			if a.in(m) {
				all++
				undone++
			}
		}
	}
	return undone, all
}

func resolvedWithTarget(a *asker) (breached, all int64) {
	list := resolvedNow(a)
	return how(list, func(t *ticket) bool { return t.resolution.ever }),
		how(list, func(t *ticket) bool { return t.resolution.applied })
}

// problems are the tickets of the window that say that something is wrong.
func problems(a *asker) (out []*ticket) {
	for _, t := range standing(a) {
		switch t.typ {
		case kpi.TypeUnspecified, kpi.TypeIncident, kpi.TypeProblem:
			if a.in(t.created) {
				out = append(out, t)
			}
		}
	}
	return out
}

var ticketKPIs = map[string]definition{
	"open_tickets": func(a *asker) Answer { return amount(int64(len(open(a)))) },
	"oldest_open_age": func(a *asker) Answer {
		var oldest *big.Rat
		for _, t := range open(a) {
			if age := seconds(a.hi - t.created.at); oldest == nil || age.Cmp(oldest) > 0 {
				oldest = age
			}
		}
		return Answer{Value: oldest}
	},
	// Resolved − first receipt by an operator. It does not stop while the customer acts.
	"service_delivery_time": func(a *asker) Answer {
		return samplesOf(a, func(t *ticket) moment { return t.resolved }, func(t *ticket) int64 {
			if t.assigned.is {
				return t.resolved.at - t.assigned.at
			}
			return t.resolved.at - t.created.at
		})
	},
	// Final resolution − start of handling, without the time spent resolved.
	"resolution_time": func(a *asker) Answer {
		return samplesOf(a, func(t *ticket) moment { return t.resolved }, func(t *ticket) int64 {
			return t.resolved.at - t.handled.at - t.resolvedBefore
		})
	},
	"followup_resolution_rate": func(a *asker) Answer {
		all := cohort(a)
		return share(how(all, func(t *ticket) bool { return t.followedUp.is && t.resolved.is }), int64(len(all))).young(how(all, undecided))
	},
	"followup_success_rate": func(a *asker) Answer {
		var followed []*ticket
		for _, t := range cohort(a) {
			if t.followedUp.is {
				followed = append(followed, t)
			}
		}
		resolved := how(followed, func(t *ticket) bool { return t.resolved.is })
		return share(resolved, int64(len(followed))).young(how(followed, undecided))
	},
	"timely_reply_rate": func(a *asker) Answer {
		all := cohort(a)
		timely := how(all, func(t *ticket) bool {
			return t.replied.is && t.resolved.is && !t.response.ever && (a.option("timely") == "reply" || !t.resolution.ever)
		})
		return share(timely, int64(len(all))).young(how(all, undecided))
	},
	"problem_resolution_rate": func(a *asker) Answer {
		all := cohort(a)
		if a.option("resolution_of") == "backlog" {
			done := int64(len(resolvedNow(a)))
			backlog := how(open(a), func(t *ticket) bool { return !t.resolved.is })
			return share(done, done+backlog).young(how(all, undecided))
		}
		return share(how(all, func(t *ticket) bool { return t.resolved.is }), int64(len(all))).young(how(all, undecided))
	},
	"stage_dwell_time": func(a *asker) Answer {
		return distribution(lengths(spansOf(a, func(t *ticket) []span { return t.visits })))
	},
	"stage_age": func(a *asker) Answer {
		var n, ms int64
		for _, t := range open(a.whole()) {
			dims := t.dims
			dims[kpi.Stage] = t.stage
			if t.stage != "" && !t.resolved.is && a.mine(dims) {
				n++
				ms += a.hi - t.stageSince
			}
		}
		return Answer{Value: divide(seconds(ms), number(n))}
	},
	"slowest_stage": func(a *asker) Answer {
		stages := map[string][]int64{}
		for _, s := range spansOf(a, func(t *ticket) []span { return t.visits }) {
			stages[s.stage] = append(stages[s.stage], s.ms)
		}
		var answer Answer
		for stage, samples := range stages {
			m := mean(samples)
			if answer.Value == nil || m.Cmp(answer.Value) > 0 || m.Cmp(answer.Value) == 0 && stage < answer.Slowest {
				answer.Value, answer.Slowest = m, stage
			}
		}
		return answer
	},
	"proactive_share": func(a *asker) Answer {
		all := problems(a)
		return share(how(all, a.outcome().forestalled), int64(len(all)))
	},
	"avoidable_share": func(a *asker) Answer {
		var avoidable, all int64
		for _, t := range standing(a) {
			if !a.in(t.byOutcome()) {
				continue
			}
			all++
			if t.cause == "misuse" || t.cause == "lack_of_knowledge" {
				avoidable++
			}
		}
		return share(avoidable, all)
	},
	"cause_mix": func(a *asker) Answer {
		raised := func(a *asker) int64 {
			return how(standing(a), func(t *ticket) bool { return a.in(t.byOutcome().with(kpi.Cause, t.cause)) })
		}
		return share(raised(a), raised(a.whole()))
	},
	"handoff_time": func(a *asker) Answer {
		return distribution(lengths(spansOf(a, func(t *ticket) []span { return t.handoffs })))
	},
	"next_response_time": func(a *asker) Answer {
		return distribution(lengths(spansOf(a, func(t *ticket) []span { return t.nextResponses })))
	},
	"sla_breach_ratio": func(a *asker) Answer { return share(resolvedWithTarget(a)) },
	"response_breach_ratio": func(a *asker) Answer {
		var breached, all int64
		for _, t := range standing(a) {
			if !a.in(t.handled) || !t.response.applied {
				continue
			}
			all++
			if t.response.ever {
				breached++
			}
		}
		return share(breached, all)
	},
	"open_breach_ratio": func(a *asker) Answer { return share(overdue(a, "closed"), int64(len(open(a)))) },
	"open_response_breach_ratio": func(a *asker) Answer {
		late := how(open(a), func(t *ticket) bool { return !t.handled.is && t.response.over })
		return share(late, int64(len(open(a))))
	},
	"first_contact_resolution": func(a *asker) Answer {
		all := resolvedNow(a)
		f := a.outcome()
		return share(how(all, func(t *ticket) bool { return t.replies <= 1 && t.reopens == 0 && !f.repeated(t) }), int64(len(all)))
	},
	"reopen_rate": func(a *asker) Answer { return share(resolutions(a)) },
}

// undecided: its outcome may still come.
func undecided(t *ticket) bool { return t.open && !t.resolved.is }
