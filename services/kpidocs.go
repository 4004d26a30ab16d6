package main

import (
	"fmt"
	"strings"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
	"github.com/deskpulse/deskpulse/services/board"
)

type kpiDocs struct {
	defined `embed:""`
}

// Help is shown by kpi docs --help.
func (kpiDocs) Help() string {
	return `Prints a page in Markdown with every KPI: what it means, its formula, its measures and
switches, and its names. With --config it is the catalogue of your company.

Examples:

    deskpulse kpi docs --lang zh > docs/catalogue.zh.md
    deskpulse kpi docs --config deskpulse.yaml > our-kpis.md
`
}

// labels are what a page says beside the catalogue's own texts.
type labels struct {
	title, intro, made string

	key, name, unit, better, kind, windows, by, target, formula, beside, source, switches, measures, prometheus, clickhouse, options, option, value, meaning string

	colon     string
	units     map[string]string // by shown_as; "%" and "‰" are themselves
	direction map[string]string
	types     map[kpi.Type]string
}

var pageLabels = map[string]labels{
	"en": {
		title: "The catalogue",
		intro: "Every KPI, as the program itself defines it. [kpis.md](kpis.md) has the rules behind them, [defining-kpis.md](defining-kpis.md) how to add your own.",
		made:  "Made by `deskpulse kpi docs --lang en`; do not edit.",
		key:   "key", name: "name", unit: "unit", better: "better", kind: "type", windows: "windows", by: "by", target: "target", formula: "formula",
		beside: "shown beside it", source: "source", switches: "switches", measures: "Measures", prometheus: "Prometheus", clickhouse: "ClickHouse",
		colon: ": ", units: map[string]string{},
		options: "Switches of definition", option: "switch", value: "value", meaning: "meaning",
		direction: map[string]string{"lower": "↓ lower", "higher": "↑ higher", "band": "↔ in its band", "none": "–"},
		types: map[kpi.Type]string{
			kpi.Stock: "at an instant", kpi.Flow: "over a window", kpi.Cohort: "of what was raised in a window", kpi.Periodic: "over a calendar period", kpi.Cumulative: "since the beginning",
		},
	},
	"zh": {
		title: "指标目录",
		intro: "程序内置的全部指标及其定义。计算规则见 [kpis.md](kpis.md)，自定义指标见 [defining-kpis.md](defining-kpis.md)。",
		made:  "由 `deskpulse kpi docs --lang zh` 生成，请勿手工修改。",
		key:   "键", name: "名称", unit: "单位", better: "趋优方向", kind: "类型", windows: "窗口", by: "细分", target: "目标", formula: "公式",
		beside: "并列显示", source: "出处", switches: "开关", measures: "度量", prometheus: "Prometheus", clickhouse: "ClickHouse",
		colon: "：", units: map[string]string{"minutes": "分钟", "hours": "小时", "money": "金额", "points": "分", "count": "数量"},
		options: "定义开关", option: "开关", value: "取值", meaning: "含义（英文）",
		direction: map[string]string{"lower": "↓ 越低越好", "higher": "↑ 越高越好", "band": "↔ 目标区间", "none": "–"},
		types: map[kpi.Type]string{
			kpi.Stock: "时点", kpi.Flow: "窗口", kpi.Cohort: "按提出时间归入窗口", kpi.Periodic: "日历周期", kpi.Cumulative: "自始累计",
		},
	},
	"fa": {
		title: "فهرست شاخص‌ها",
		intro: "همهٔ شاخص‌ها، همان‌گونه که خود برنامه تعریفشان می‌کند. قاعده‌های محاسبه در [kpis.md](kpis.md) و شیوهٔ افزودن شاخص در [defining-kpis.md](defining-kpis.md) آمده است.",
		made:  "ساختهٔ `deskpulse kpi docs --lang fa`؛ دستی ویرایش نکنید.",
		key:   "کلید", name: "نام", unit: "واحد", better: "جهت مطلوب", kind: "نوع", windows: "بازه‌ها", by: "تفکیک", target: "هدف", formula: "فرمول",
		beside: "در کنار آن", source: "منبع", switches: "گزینه‌ها", measures: "سنجه‌ها", prometheus: "Prometheus", clickhouse: "ClickHouse",
		colon: ": ", units: map[string]string{"minutes": "دقیقه", "hours": "ساعت", "money": "مبلغ", "points": "امتیاز", "count": "تعداد", "%": "٪"},
		options: "گزینه‌های تعریف", option: "گزینه", value: "مقدار", meaning: "معنا (انگلیسی)",
		direction: map[string]string{"lower": "↓ کمتر", "higher": "↑ بیشتر", "band": "↔ در بازهٔ هدف", "none": "–"},
		types: map[kpi.Type]string{
			kpi.Stock: "در یک لحظه", kpi.Flow: "در یک بازه", kpi.Cohort: "از آنچه در بازه مطرح شده", kpi.Periodic: "در دورهٔ تقویمی", kpi.Cumulative: "از آغاز",
		},
	},
}

// Run prints the page.
func (c kpiDocs) Run(out *console, log *zap.Logger) error {
	compiled, err := c.load(log)
	if err != nil {
		return err
	}
	text := pageLabels[c.Lang]
	p := &page{compiled: compiled, lang: c.Lang, text: &text}
	if c.Lang == "fa" {
		p.WriteString("<div dir=\"rtl\" lang=\"fa\">\n\n")
	}
	fmt.Fprintf(p, "# %s\n\n%s %s\n", text.title, text.intro, text.made)
	for _, section := range board.Sections {
		if err := p.section(section); err != nil {
			return err
		}
	}
	p.options()
	if c.Lang == "fa" {
		p.WriteString("\n</div>\n")
	}
	_, err = fmt.Fprint(out, p.String())
	return err
}

// page is being written.
type page struct {
	strings.Builder
	compiled *kpi.Compiled
	lang     string
	text     *labels
}

// section writes an overview of its KPIs, and then each.
func (p *page) section(section string) error {
	var kpis []*kpi.Definition
	for i := range p.compiled.Catalogue.KPIs {
		if d := &p.compiled.Catalogue.KPIs[i]; board.Section(d) == section {
			kpis = append(kpis, d)
		}
	}
	if len(kpis) == 0 {
		return nil
	}
	name, err := board.SectionName(section, p.lang)
	if err != nil {
		return err
	}
	if len(section) == 1 {
		name = section + ". " + name
	}
	fmt.Fprintf(p, "\n## %s\n\n| %s | %s | %s | %s |\n|---|---|---|---|\n", name, p.text.name, p.text.key, p.text.unit, p.text.better)
	for _, d := range kpis {
		fmt.Fprintf(p, "| %s | [`%s`](#%[2]s) | %s | %s |\n", inLanguage(d.Names, p.lang), d.Key, p.unit(d), p.text.direction[d.Direction])
	}
	for _, d := range kpis {
		p.kpi(d)
	}
	return nil
}

func (p *page) unit(d *kpi.Definition) string {
	if u, ok := p.text.units[d.ShownAs]; ok {
		return u
	}
	return d.ShownAs
}

// kpi writes one.
func (p *page) kpi(d *kpi.Definition) {
	fmt.Fprintf(p, "\n### %s\n\n**%s.** %s\n\n", d.Key, inLanguage(d.Names, p.lang), inLanguage(d.Descriptions, p.lang))
	x := p.compiled.Explain(d)
	var names []string
	for _, o := range x.Options {
		names = append(names, o.Name+" = "+o.Current())
	}
	p.item(p.text.formula, "; ", formula(d)...)
	p.line(p.text.kind, p.text.types[d.Type])
	p.item(p.text.windows, ", ", d.Windows...)
	p.item(p.text.by, "; ", d.By...)
	if d.Target != nil {
		p.line(p.text.target, fmt.Sprint(*d.Target))
	}
	p.item(p.text.switches, ", ", names...)
	p.item(p.text.beside, ", ", d.Also...)
	p.line(p.text.source, d.Source)
	p.item(p.text.prometheus, ", ", output.MetricNames(d)...)
	p.item(p.text.clickhouse, ", ", output.ViewNames(p.compiled, d)...)
	fmt.Fprintf(p, "\n%s%s\n\n```\n%s\n```\n", p.text.measures, strings.TrimSpace(p.text.colon), strings.Join(measures(x.Specs), "\n"))
}

func (p *page) line(name, text string) { fmt.Fprintf(p, "- %s%s%s\n", name, p.text.colon, text) }

// item writes texts as code, or nothing where there are none.
func (p *page) item(name, between string, texts ...string) {
	if len(texts) == 0 {
		return
	}
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = "`" + strings.TrimSpace(t) + "`"
	}
	p.line(name, strings.Join(quoted, between))
}

// options writes all switches.
func (p *page) options() {
	fmt.Fprintf(p, "\n## %s\n\n| %s | %s | %s |\n|---|---|---|\n", p.text.options, p.text.option, p.text.value, p.text.meaning)
	for _, o := range p.compiled.Catalogue.Options {
		value := "`" + o.Current() + "`"
		for _, v := range o.Values {
			if v != o.Current() {
				value += ", " + v
			}
		}
		fmt.Fprintf(p, "| `%s` | %s | %s |\n", o.Name, value, strings.Join(strings.Fields(o.Description), " "))
	}
}
