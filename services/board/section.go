package board

import (
	"strings"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// Sections are those of the catalogue, as the sources of its definitions name them, in
// their order. The last is for what a company has added.
var Sections = []string{"A", "B", "C", "D", "E", "F", "G", "own"}

// Section returns the section of the catalogue that a KPI is from.
func Section(d *kpi.Definition) string {
	_, letter, found := strings.Cut(d.Source, "catalogue ")
	if found && len(letter) == 1 && letter[0] >= 'A' && letter[0] <= 'G' {
		return letter
	}
	return "own"
}

// SectionName returns what the page calls a section in a language.
func SectionName(section, lang string) (string, error) {
	texts, err := loadTexts()
	if err != nil {
		return "", err
	}
	return texts[lang].Sections[section], nil
}
