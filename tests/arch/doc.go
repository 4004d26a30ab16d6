// Package arch checks the rules that hold the repository together and that no compiler
// knows: who may import whom, what the core may not touch, what every package must say
// of itself, and that the texts tell the truth about files and commands.
//
// A rule is a function from a Tree to the places that break it. The tests run each
// over this repository, and over small trees of their own that break it.
package arch
