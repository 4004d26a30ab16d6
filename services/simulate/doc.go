// Package simulate is a believable service desk that publishes the events of a telecom
// company's customer service: for demonstrations, load tests and trying things out.
//
// A Desk is a discrete-event simulation: customers, some of whom call again and again,
// raise tickets, calls, chats and complaints along a daily and weekly curve, or try the bot
// or self service; teams of agents come and go, assign, answer, wait, resolve, follow up
// and reopen; surveys, suggestions, orders, subscriptions and costs come beside them. What
// lies before the start (lines, balances, bills) is told first, so that every KPI of the
// catalogue has something to count.
// Some events arrive late, some twice, and the clocks of the sources are not equal. It
// is a pure function of its Config, the seed included: no clock, no I/O. Its state is
// the cases that are not over and the events that are late, a few hundred bytes each.
//
// A Plan feeds the events of one Desk per tenant to NATS or to a file as time goes by,
// after a history that it publishes at once. A Desk belongs to one goroutine.
//
// A desk has its own clock, which runs Pace times as fast as the wall's: at pace 60 an
// hour of the desk is a minute, so a demonstration sees tickets resolved, reopened and
// overdue while it lasts. Everything in the events is in wall time: at that pace a
// target of eight hours is a due time eight minutes ahead, and a call of three minutes
// has a talk time of three seconds.
package simulate
