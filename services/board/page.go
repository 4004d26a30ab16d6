package board

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

//go:embed page
var files embed.FS

// assetNames are the files that the page loads, beside itself.
var assetNames = []string{"board.css", "board.js", "icon.svg"}

// build tells one version of the page from another, so that a wallboard that has been
// open for months loads the new one after an upgrade.
var build = func() string {
	sum := sha256.New()
	for _, name := range append([]string{"index.html", "texts.json"}, assetNames...) {
		sum.Write(asset(name))
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}()

func asset(name string) []byte {
	data, err := files.ReadFile("page/" + name)
	if err != nil {
		panic("board: internal error: " + err.Error())
	}
	return data
}

func serveAsset(name string) http.HandlerFunc {
	data := asset(name)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache") // ask again; the ETag makes it cheap
		w.Header().Set("ETag", `"`+build+`"`)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
	}
}

// page is the page in each language, made once.
type page struct{ html map[string][]byte }

// tile is a KPI as the page's template sees it.
type tile struct {
	Key, Name, Description, Unit, Scope string
	ShownAs, Direction                  string
	Type                                kpi.Type
	Formula                             kpi.Formula
}

// section is a part of the table of all KPIs.
type section struct {
	Key, Name string
	Tiles     []tile
}

func newPage(c *kpi.Compiled) (*page, error) {
	t, err := template.New("index.html").Parse(string(asset("index.html")))
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	texts, err := loadTexts()
	if err != nil {
		return nil, err
	}
	p := &page{html: make(map[string][]byte)}
	for _, lang := range languages {
		tiles, sections := layOut(c, lang, texts[lang])
		var out bytes.Buffer
		err := t.Execute(&out, map[string]any{
			"Lang": lang, "Dir": texts[lang].Dir, "Text": texts[lang], "Tiles": tiles, "Sections": sections,
			"Build": build, "Languages": languages, "Texts": texts,
		})
		if err != nil {
			return nil, fmt.Errorf("page: %w", err)
		}
		p.html[lang] = out.Bytes()
	}
	return p, nil
}

// layOut puts the headline KPIs on tiles and all others into the sections of the table.
func layOut(c *kpi.Compiled, lang string, text *text) (tiles []tile, sections []section) {
	for _, key := range Sections {
		sections = append(sections, section{Key: key, Name: text.Sections[key]})
	}
	for i := range c.Catalogue.KPIs {
		d := &c.Catalogue.KPIs[i]
		t := tile{
			Key: d.Key, Name: inLanguage(d.Names, lang, d.Key), Description: inLanguage(d.Descriptions, lang, ""),
			ShownAs: d.ShownAs, Direction: d.Direction, Type: d.Type, Formula: d.Formula,
			Unit: text.Units[d.ShownAs], Scope: text.scope(d),
		}
		if slices.Contains(headline, d.Key) {
			tiles = append(tiles, t)
			continue
		}
		at := slices.Index(Sections, Section(d))
		sections[at].Tiles = append(sections[at].Tiles, t)
	}
	return tiles, slices.DeleteFunc(sections, func(s section) bool { return len(s.Tiles) == 0 })
}

// inLanguage returns a text in a language or else in English, or else what is given.
func inLanguage(texts map[string]string, lang, otherwise string) string {
	for _, l := range []string{lang, "en"} {
		if n := texts[l]; n != "" {
			return n
		}
	}
	return otherwise
}

func (p *page) serve(w http.ResponseWriter, r *http.Request) {
	lang := r.URL.Query().Get("lang")
	if lang == "" {
		lang = languages[0]
	}
	html, ok := p.html[lang]
	if !ok {
		badParameter("lang", lang, "the page is not in this language", "use en, zh or fa").write(w)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", lang)
	w.Header().Set("Cache-Control", "no-cache")
	// The client may be gone; there is nobody left to tell.
	_, _ = w.Write(html)
}
