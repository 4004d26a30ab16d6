package board

import "github.com/deskpulse/deskpulse/pkg/kpi"

// languages are those that the page speaks, the default first.
var languages = []string{"en", "zh", "fa"}

// endonyms are the languages' own names for themselves.
var endonyms = map[string]string{"en": "English", "zh": "中文", "fa": "فارسی"}

// text is what the page says beside the names of KPIs, in one language. What has
// {braces} is filled in by the page; Script goes to it as JSON.
type text struct {
	Dir, Title, Tenant, Window, By     string
	Headline, Age, Table, NoRows, Help string
	Language                           string
	Script                             map[string]string
	units                              map[string]string // by shown_as of the catalogue
	mean, now                          string
}

// scope says what the large number of a KPI is.
func (t text) scope(d kpi.Definition) string {
	switch {
	case d.Formula == kpi.Distribution:
		return t.mean
	case d.Type == kpi.Stock:
		return t.now
	}
	return ""
}

var texts = map[string]text{
	"en": {
		Dir: "ltr", Title: "Live service KPIs", Tenant: "Tenant", Window: "Window", By: "Break down by",
		Headline: "Headline indicators", Age: "Age of data", Table: "Breakdown", NoRows: "Nothing to show yet",
		Help: "– means that there is no value: nothing to divide by, or no sample.", Language: "Language",
		mean: "mean", now: "now", units: map[string]string{"minutes": "min", "%": "%"},
		Script: map[string]string{
			"connecting": "Connecting", "live": "Live", "reconnecting": "Reconnecting", "waiting": "Waiting for data",
			"lost":       "No connection since {time}. Numbers return when it does.",
			"old":        "No new readings since {time}. Numbers return when they do.",
			"silent":     "{n} of {total} partitions silent since {time}. What they hold is missing from these numbers.",
			"all":        "since the beginning",
			"last":       "last {window}",
			"of":         "{a} of {b}",
			"mean":       "mean",
			"count":      "count",
			"none":       "(none)",
			"partial":    "partial",
			"whole":      "Whole tenant",
			"second":     "{n} s",
			"minute":     "{n} min",
			"hour":       "{n} h",
			"team":       "Team",
			"channel":    "Channel",
			"priority":   "Priority",
			"category":   "Category",
			"agent":      "Agent",
			"post":       "Post",
			"segment":    "Segment",
			"network":    "Network",
			"product":    "Product",
			"branch":     "Branch",
			"outsourced": "Outsourced",
			"novelty":    "Novelty",
		},
	},
	"zh": {
		Dir: "ltr", Title: "实时服务指标", Tenant: "租户", Window: "时间窗口", By: "细分维度",
		Headline: "核心指标", Age: "数据时延", Table: "细分", NoRows: "暂无数据",
		Help: "“–”表示没有数值:分母为零,或没有样本。", Language: "语言",
		mean: "平均", now: "当前", units: map[string]string{"minutes": "分钟", "%": "%"},
		Script: map[string]string{
			"connecting": "正在连接", "live": "实时", "reconnecting": "正在重连", "waiting": "等待数据",
			"lost":       "自 {time} 起连接中断,恢复后重新显示数值。",
			"old":        "自 {time} 起没有新读数,恢复后重新显示数值。",
			"silent":     "{total} 个分区中有 {n} 个自 {time} 起无数据,以下数值不含这些分区。",
			"all":        "自始至今",
			"last":       "最近 {window}",
			"of":         "{a} / {b}",
			"mean":       "平均",
			"count":      "样本数",
			"none":       "(无)",
			"partial":    "不完整",
			"whole":      "全部",
			"second":     "{n} 秒",
			"minute":     "{n} 分",
			"hour":       "{n} 小时",
			"team":       "班组",
			"channel":    "渠道",
			"priority":   "优先级",
			"category":   "类别",
			"agent":      "坐席",
			"post":       "岗位",
			"segment":    "客户群",
			"network":    "网络",
			"product":    "产品",
			"branch":     "营业部",
			"outsourced": "外包",
			"novelty":    "创新",
		},
	},
	"fa": {
		Dir: "rtl", Title: "شاخص‌های زندهٔ خدمت", Tenant: "سازمان", Window: "بازهٔ زمانی", By: "تفکیک بر پایهٔ",
		Headline: "شاخص‌های اصلی", Age: "عمر داده", Table: "تفکیک", NoRows: "هنوز چیزی برای نمایش نیست",
		Help: "«–» یعنی مقداری نیست: مخرج صفر است یا نمونه‌ای نیست.", Language: "زبان",
		mean: "میانگین", now: "اکنون", units: map[string]string{"minutes": "دقیقه", "%": "٪"},
		Script: map[string]string{
			"connecting": "در حال اتصال", "live": "زنده", "reconnecting": "در حال اتصال دوباره", "waiting": "در انتظار داده",
			"lost":       "از {time} اتصال قطع است. با برقراری آن، اعداد برمی‌گردند.",
			"old":        "از {time} دادهٔ تازه‌ای نرسیده است. با رسیدن آن، اعداد برمی‌گردند.",
			"silent":     "{n} بخش از {total} بخش از {time} خاموش است. سهم آن‌ها در این اعداد نیست.",
			"all":        "از آغاز",
			"last":       "{window} گذشته",
			"of":         "{a} از {b}",
			"mean":       "میانگین",
			"count":      "تعداد",
			"none":       "(بدون)",
			"partial":    "ناکامل",
			"whole":      "کل سازمان",
			"second":     "{n} ثانیه",
			"minute":     "{n} دقیقه",
			"hour":       "{n} ساعت",
			"team":       "تیم",
			"channel":    "کانال",
			"priority":   "اولویت",
			"category":   "دسته",
			"agent":      "کارشناس",
			"post":       "پست",
			"segment":    "بخش مشتری",
			"network":    "شبکه",
			"product":    "محصول",
			"branch":     "شعبه",
			"outsourced": "برون‌سپاری",
			"novelty":    "نوآوری",
		},
	},
}
