package worker

import (
	"github.com/deskpulse/deskpulse/pkg/config"
	"github.com/deskpulse/deskpulse/pkg/output"
)

// sheets are the scorecards of the configuration, for their view in the history.
func sheets(file *config.Config) (out []output.Sheet, err error) {
	scheme, err := file.Scheme()
	if err != nil {
		return nil, err
	}
	for _, sheet := range scheme.Sheets() {
		parts := make([]output.SheetPart, len(sheet.Rules))
		for i := range sheet.Rules {
			r := &sheet.Rules[i]
			parts[i] = output.SheetPart{KPI: r.KPI, Quantile: r.Quantile, Weight: r.Weight, Score: r.SQL("value")}
		}
		out = append(out, output.Sheet{Post: sheet.Post, Parts: parts})
	}
	return out, nil
}
