package board

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// languages are those that the page speaks, the default first.
var languages = []string{"en", "zh", "fa"}

// text is what the page says beside the names of KPIs, in one language.
type text struct {
	Dir      string            `json:"dir"`
	Endonym  string            `json:"endonym"` // the language's own name for itself
	Title    string            `json:"title"`
	Tenant   string            `json:"tenant"`
	Window   string            `json:"window"`
	By       string            `json:"by"`
	Headline string            `json:"headline"`
	Age      string            `json:"age"`
	Table    string            `json:"table"`
	NoRows   string            `json:"no_rows"`
	All      string            `json:"all"`
	Column   map[string]string `json:"column"`
	Help     string            `json:"help"`
	Language string            `json:"language"`
	Mean     string            `json:"mean"`
	Now      string            `json:"now"`
	Sections map[string]string `json:"sections"`
	Better   map[string]string `json:"better"` // by direction of the catalogue
	Units    map[string]string `json:"units"`  // by shown_as of the catalogue
	Script   map[string]string `json:"script"` // for board.js, which fills in what has {braces}
}

// scope says what the large number of a KPI is.
func (t *text) scope(d *kpi.Definition) string {
	switch {
	case d.Formula == kpi.Distribution:
		return t.Mean
	case d.Type == kpi.Stock:
		return t.Now
	}
	return ""
}

func loadTexts() (map[string]*text, error) {
	decoder := json.NewDecoder(bytes.NewReader(asset("texts.json")))
	decoder.DisallowUnknownFields()
	var texts map[string]*text
	if err := decoder.Decode(&texts); err != nil {
		return nil, fmt.Errorf("texts.json: %w", err)
	}
	for _, lang := range languages {
		if texts[lang] == nil {
			return nil, fmt.Errorf("texts.json: language %q is missing: add it", lang)
		}
	}
	return texts, nil
}
