// Package sla says how long a request may take and which part of time counts: calendars,
// targets and the policies that choose between them.
//
// In come rules that somebody has read from a file: weekly hours in a time zone, days with
// hours of their own, holidays (from lists, from iCalendar files, by country) and ordered
// policies with conditions. Out come a Calendar, which answers how much open time lies
// between two instants and when so much will have passed, and Policies, which give the
// targets of a request for all time.
//
// Both are immutable once built and may be shared by any number of goroutines. They read
// no clock: instants are Unix milliseconds, durations milliseconds. A calendar is laid out
// once for every instant that an event may hold; beyond, its weekly hours go on without
// holidays. It costs some tens of kilobytes.
package sla
