// Package mapping is the language in which a reader says what the rows of a table mean:
// which events come out of a row, or out of the change from one row of an entity to the
// next. docs/replay.md is its manual.
//
// Load reads and checks a mapping; Mapping.Run reads tables and hands over events that
// the codec of package kpi has accepted. All expressions are compiled once. Memory is
// bounded: rows are brought together by entity with an external sort, and of an entity
// only its first, previous, present and next row are held.
package mapping
