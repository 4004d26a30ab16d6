// Package browser tests the board's page in a real Chromium: what it shows is read from
// the document, not from the code that made it.
//
// Screenshots of the main pages are kept by
//
//	go test ./tests/browser -artifacts -outputdir DIR
package browser
