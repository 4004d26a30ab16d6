package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// The actions of an agent, as in the wire contract. Each begins a state.
const (
	agentBusy      kpi.Action = 3
	agentPaused    kpi.Action = 4
	agentLoggedOut kpi.Action = 5
)

func recordAgent(*Engine, *kpi.Event, *record) {}

// stepAgent folds one record into an agent.
func stepAgent(e *Engine, s *state, r *record, _ *sink) {
	s.exists = true
	word := int64(e.words.agentStates[r.action])
	if s.Fields[kpi.AgentState] != word {
		s.Fields[kpi.AgentState], s.Fields[kpi.AgentSince] = word, r.at
	}
	s.set(kpi.AgentIsPresent, r.action != agentLoggedOut)
	s.set(kpi.AgentIsBusy, r.action == agentBusy)
	s.set(kpi.AgentIsPaused, r.action == agentPaused)
}
