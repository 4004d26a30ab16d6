package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// The actions of a suggestion, as in the wire contract.
const (
	suggestionReceived kpi.Action = iota + 1
	suggestionAdopted
	suggestionDeclined
)

func recordSuggestion(*Engine, *kpi.Event, *record) {}

// stepSuggestion folds one record into a suggestion: the latest verdict holds.
func stepSuggestion(_ *Engine, s *state, r *record, _ *sink) {
	switch r.action {
	case suggestionReceived:
		if !s.exists {
			s.exists = true
			s.Fields[kpi.SuggestionReceivedAt] = r.at
			s.combo[raised] = s.combo[current]
		}
	case suggestionAdopted, suggestionDeclined:
		s.set(kpi.SuggestionIsAdopted, r.action == suggestionAdopted)
		s.set(kpi.SuggestionIsDeclined, r.action == suggestionDeclined)
	}
}
