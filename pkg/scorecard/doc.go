// Package scorecard appraises agents, teams and posts: each KPI of a post has a target or
// a band and a weight, its value becomes a score from 0 to 100 by its distance from them,
// and a card's score is the weighted mean of the parts that have data.
//
// In: the configuration, made a Scheme once against the catalogue, and the readings of
// one period. Out: cards with all their parts, for JSON, as CSV, and as ClickHouse
// expressions. It keeps no state, and a Scheme can be read by many at a time.
//
// The rule of a part is four points: the score is 100 from Low to High, 0 from ZeroBelow
// down and from ZeroAbove up, and on a straight line between. Where lower is better, all
// that is at or under the target scores 100, and where higher is, all at or over it.
package scorecard
