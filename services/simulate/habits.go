package simulate

import "time"

// How the desk behaves: the chances of what may happen. Tests hold the events against
// these.
const (
	chanceLate      = 0.010 // an event is published well after it happened
	chanceDuplicate = 0.005 // an event is published twice

	chanceWorkStarted = 0.70 // the helpdesk is told when work on a ticket starts
	chanceReassign    = 0.12 // a ticket moves to another team after the first reply
	chanceWaiting     = 0.35 // a reply asks the customer something, and waits
	chanceReopen      = 0.07 // a resolved ticket comes back; twice at most
	chanceCancel      = 0.015
	chanceMerge       = 0.015 // the customer raises a second ticket, which is merged into the first
	chanceRepeat      = 0.18  // the customer calls about a ticket that is not resolved
	chanceComplain    = 0.03  // a ticket ends in a complaint
	chanceSurvey      = 0.20  // a resolved ticket gets a survey's answer
	chanceNamed       = 0.75  // the helpdesk names the incident, not only its category

	chanceCallTicket = 0.30 // an answered call opens a ticket
	chanceCallSurvey = 0.08

	chanceMonitored = 0.06 // a fault is found by monitoring, before anybody reports it
	chanceStaged    = 0.60 // a ticket goes through the stages of a workflow
	chanceFollowUp  = 0.20 // a resolved ticket is followed up
	chanceTransfer  = 0.08 // a call is passed on to another team
	chanceAdopted   = 0.35 // a suggestion is adopted, and
	chanceDeclined  = 0.45 // declined

	chanceSelfSolved    = 0.72 // self service solves the matter
	chanceHandedOver    = 0.25 // the bot hands a session over to a person
	chanceBotSolved     = 0.70 // or else solves the matter
	chanceChatSolved    = 0.78 // a person solves it in a chat
	chanceSessionGoesOn = 0.60 // what was not solved becomes a ticket or a call

	chanceComplaintReopened = 0.03
	chanceRefund            = 0.04
	chanceLeave             = 0.40 // a change of a subscription is its end
)

// longestLate bounds how late an event is published, in time of the desk.
const longestLate = 8 * time.Hour

// besidePerHour is how many events an hour of the desk has that no customer starts: costs,
// and the coming and going of agents.
const besidePerHour = 50

// choice is one of several with its weight.
type choice struct {
	name   string
	weight float64
}

// The kinds of what customers start by themselves.
const (
	startTicket = iota
	startCall
	startComplaint
	startOrder
	startSubscription
	startChat
	startBot
	startSelfService
	startSuggestion
)

var starts = newTable([]choice{
	{"ticket", 52}, {"call", 40}, {"complaint", 3}, {"order", 4}, {"subscription", 1},
	{"chat", 10}, {"bot", 8}, {"self service", 8}, {"suggestion", 1},
})

var channels = newTable([]choice{
	{"email", 24}, {"chat", 22}, {"web", 22}, {"app", 24}, {"social", 8}, {"phone", 0},
})

const (
	channelChat  = 1
	channelApp   = 3
	channelPhone = 5
)

var causes = newTable([]choice{
	{"defect", 38}, {"outage", 20}, {"misuse", 12}, {"lack_of_knowledge", 16}, {"third_party", 14},
})

// What surveys ask for.
var questions = newTable([]choice{{"satisfaction", 62}, {"quality", 20}, {"safety", 9}, {"personalisation", 9}})

// The stages of a ticket, in their order.
const (
	stageTriage = "triage"
	stageWork   = "work"
	stageCheck  = "check"
)

// outsourcedTeam works for the company, but not in it.
const outsourcedTeam = 4

var segments = newTable([]choice{{"consumer", 82}, {"business", 18}})

var priorities = newTable([]choice{{"urgent", 5}, {"high", 15}, {"normal", 60}, {"low", 20}})

// pace of work by priority, in time of the desk.
var byPriority = [...]struct {
	start, resolve    time.Duration // medians
	response, dueTime time.Duration // targets, sent with the ticket
}{
	{8 * time.Minute, 70 * time.Minute, 15 * time.Minute, 4 * time.Hour},
	{15 * time.Minute, 2 * time.Hour, time.Hour, 8 * time.Hour},
	{35 * time.Minute, 5 * time.Hour, 4 * time.Hour, 24 * time.Hour},
	{80 * time.Minute, 11 * time.Hour, 8 * time.Hour, 72 * time.Hour},
}

// category is what a ticket or call is about, and the team that looks after it.
type category struct {
	team  uint8
	fault bool // something is broken: an incident
}

var (
	categoryNames = newTable([]choice{
		{"internet_down", 15}, {"slow_internet", 13}, {"mobile_signal", 8},
		{"wrong_bill", 14}, {"payment_failed", 8},
		{"router_fault", 11}, {"tv_picture", 7}, {"sim_card", 5},
		{"password_reset", 6}, {"contract_question", 5},
		{"appointment", 5}, {"moving_house", 3},
	})
	categories = [...]category{
		{0, true}, {0, true}, {0, true},
		{1, false}, {1, false},
		{2, true}, {2, true}, {2, true},
		{3, false}, {3, false},
		{4, false}, {4, false},
	}
	teamNames = [...]string{"network", "billing", "devices", "accounts", "field"}
)

// The agents, by team. How fast each is, and at which category best, the seed decides.
var agentNames = [len(teamNames)][]string{
	{"li.wei", "sara.karimi", "tom.baker", "yuki.mori", "amina.diallo", "jonas.weber", "wang.fang", "pedro.silva", "nora.lind", "omar.haddad", "chen.jie", "maria.rossi"},
	{"reza.ahmadi", "zhang.min", "ella.brown", "kofi.mensah", "ana.popescu", "lucas.martin", "liu.yang", "hana.novak"},
	{"zhao.lei", "maryam.hosseini", "jack.wilson", "ines.costa", "sven.olsen", "priya.nair", "huang.li", "ali.rezaei", "rosa.garcia"},
	{"emma.clark", "xu.ting", "david.cohen", "leila.moradi", "marek.kowal"},
	{"sun.hao", "paul.schmidt", "fatima.zahra", "george.evans", "niloufar.sadeghi", "ma.chao"},
}

// Weight of each hour of the day and of each day of the week (from Sunday) in what
// customers start.
var (
	byHour = [24]float64{
		0.18, 0.12, 0.10, 0.08, 0.10, 0.18, 0.40, 0.80, 1.45, 1.95, 2.10, 2.00,
		1.60, 1.55, 1.80, 1.85, 1.75, 1.55, 1.25, 1.05, 0.90, 0.70, 0.45, 0.29,
	}
	byWeekday = [7]float64{0.55, 1.30, 1.20, 1.15, 1.10, 1.10, 0.60}
)

// curve is the intensity at an instant of the desk's clock; its mean over a week is 1.
func curve(at int64) float64 {
	t := time.UnixMilli(at).UTC()
	return byHour[t.Hour()] * byWeekday[t.Weekday()] / curveMean
}

// curvePeak bounds curve; curveMean makes its mean 1.
var curveMean, curvePeak = measureCurve()

func measureCurve() (mean, peak float64) {
	for _, day := range byWeekday {
		for _, hour := range byHour {
			mean += day * hour / (7 * 24)
			peak = max(peak, day*hour)
		}
	}
	return mean, peak / mean
}
