package oracle

import (
	"math/big"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// agent is an agent's states so far.
type agent struct{ life life }

// The states of an agent, as in the wire contract.
const (
	agentLoggedIn kpi.Action = iota + 1
	agentAvailable
	agentBusy
	agentPaused
	agentLoggedOut
)

var stateNames = []string{"", "logged_in", "available", "busy", "paused", "logged_out"}

func (f *facts) findAgents() {
	for _, l := range lives(f.events, kpi.Agent, entity) {
		f.agents = append(f.agents, agent{l})
	}
}

// timeIn adds up the time that agents spent in some states within the window.
func timeIn(a *asker, states ...kpi.Action) *big.Rat {
	in := action(states...)
	var ms int64
	for _, agent := range a.now().agents {
		for i := range agent.life {
			s := &agent.life[i]
			until := a.hi
			if i+1 < len(agent.life) {
				until = agent.life[i+1].At
			}
			if in(s) && a.mine(s.dims) {
				ms += max(0, min(until, a.hi)-max(s.At, a.lo))
			}
		}
	}
	return seconds(ms)
}

var agentKPIs = map[string]definition{
	// Time on contacts ÷ time logged in and not on a break.
	"occupancy": func(a *asker) Answer {
		return ratio(timeIn(a, agentBusy), timeIn(a, agentLoggedIn, agentAvailable, agentBusy))
	},
	"agents": func(a *asker) Answer {
		n := int64(0)
		for _, agent := range a.now().agents {
			s := agent.life[len(agent.life)-1]
			dims := s.dims
			dims[kpi.State] = stateNames[s.Action]
			if s.Action != agentLoggedOut && a.mine(dims) {
				n++
			}
		}
		return amount(n)
	},
	"services_per_agent_hour": func(a *asker) Answer {
		hours := new(big.Rat).Quo(timeIn(a, agentLoggedIn, agentAvailable, agentBusy, agentPaused), number(3600))
		return ratio(number(servicesDelivered(a)), hours)
	},
}
