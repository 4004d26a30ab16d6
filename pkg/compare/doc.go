// Package compare sets a value against a former one: against the window before, month on
// month (环比) and year on year (同比).
//
// A period that is not over is compared with the former one up to the same point, as far
// into it as this one has come. In: calendars, instants in Unix seconds, values. Out: the
// span to read the former value in, and the change between the two. It keeps no state.
package compare
