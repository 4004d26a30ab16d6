// Package period is calendars: which local day an instant lies in, and where the weeks,
// months, quarters and years of a tenant begin, in the Gregorian or the Solar Hijri
// calendar.
//
// In: a zone of the IANA database, the system, the day that begins the week, the month
// that begins the fiscal year. Out: days, each the number of its civil date since
// 1970-01-01, and the instants at which they begin. A day is half-open, and the days of a
// calendar cover all time without a gap: each begins at the first instant at which clocks
// show its date or a later one. Hence midnight may be 01:00 where clocks skip an hour, a
// date that a zone never had is a day of no length, and an hour that clocks repeat over
// midnight belongs to the day that had begun already.
//
// A Calendar remembers the days asked for last, so it has one user at a time.
package period
