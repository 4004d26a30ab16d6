// Package oracle computes every KPI of the catalogue a second time: from the list of
// events that are known and an instant, straight from the definition, as slowly as it
// likes. It shares no code with the engine, the catalogue's expressions, the calendars or
// the policies, only the nouns (kpi.Event and its dimensions), so that both can be wrong
// in the same way only by misreading the same sentence.
//
// Its tests draw random histories and hold the engine against it.
//
// What comes in: events in any order, with duplicates, and a Question. What goes out: an
// Answer in exact numbers. It keeps nothing, and panics on a KPI or an option that it
// does not know, for a question that it cannot answer is a mistake of the test.
package oracle
