package kpi

import (
	"fmt"
	"strings"
)

// Dimension is one of the ways in which a KPI can be broken down.
type Dimension uint8

// The dimensions, in the order of their columns. Events of every kind can carry those up
// to Novelty; the others are given by the facts of some kinds, where a measure says so.
const (
	Team Dimension = iota
	Channel
	Priority
	Category
	AgentName
	Post
	Segment
	Network
	Product
	Branch
	Outsourced
	Novelty
	Queue
	Stage
	Item
	Cause
	State
	Purpose
	NumDimensions
)

var dimensionNames = [NumDimensions]string{
	"team", "channel", "priority", "category", "agent", "post", "segment", "network",
	"product", "branch", "outsourced", "novelty",
	"queue", "stage", "item", "cause", "state", "purpose",
}

// String returns the dimension's name, as in JSON and in labels.
func (d Dimension) String() string { return dimensionNames[d] }

// ParseDimension is the inverse of String.
func ParseDimension(name string) (Dimension, error) {
	for i, n := range dimensionNames {
		if n == name {
			return Dimension(i), nil
		}
	}
	return 0, fmt.Errorf("dimension %q is unknown: use one of %s", name, strings.Join(dimensionNames[:], ", "))
}

// Dims holds one value for each dimension; "" is none.
type Dims [NumDimensions]string

// Set is a set of dimensions, by which readings are grouped.
type Set uint32

// SetOf returns the set of the given dimensions.
func SetOf(dims ...Dimension) Set {
	var s Set
	for _, d := range dims {
		s |= 1 << d
	}
	return s
}

// Has reports whether d is in s.
func (s Set) Has(d Dimension) bool { return s&(1<<d) != 0 }

// Dimensions lists s in the order of the dimensions.
func (s Set) Dimensions() []Dimension {
	var out []Dimension
	for d := range NumDimensions {
		if s.Has(d) {
			out = append(out, d)
		}
	}
	return out
}

// ParseSet reads names separated by commas, as in "team,channel"; "" is the empty set.
func ParseSet(names string) (Set, error) {
	var s Set
	if names == "" {
		return s, nil
	}
	for name := range strings.SplitSeq(names, ",") {
		d, err := ParseDimension(strings.TrimSpace(name))
		if err != nil {
			return 0, err
		}
		s |= 1 << d
	}
	return s, nil
}

// String is the inverse of ParseSet.
func (s Set) String() string {
	var names []string
	for _, d := range s.Dimensions() {
		names = append(names, d.String())
	}
	return strings.Join(names, ",")
}

// Group is one cell of a breakdown: the dimensions in Set have the values in Dims, and
// the others are summed over.
type Group struct {
	Set  Set
	Dims Dims
}
