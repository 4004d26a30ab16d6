package chdb

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// ClickHouse's numbers for errors that arise in this package.
const (
	codeBadArguments   = 36
	codeNotImplemented = 48
	codeSyntaxError    = 62
	codeUnknownSetting = 115
	codeUnknownFormat  = 73
	codeCancelled      = 394
	codeForbidden      = 497
	codeAuthentication = 516
	codeCannotUnpack   = 271
	codeUnknown        = 1002
	codeNoSpaceOrWrite = 75
	codeBadHTTPRequest = 1000
)

var codeNames = map[int]string{
	codeBadArguments:   "BAD_ARGUMENTS",
	codeNotImplemented: "NOT_IMPLEMENTED",
	codeSyntaxError:    "SYNTAX_ERROR",
	codeUnknownSetting: "UNKNOWN_SETTING",
	codeUnknownFormat:  "UNKNOWN_FORMAT",
	codeCancelled:      "QUERY_WAS_CANCELLED",
	codeForbidden:      "ACCESS_DENIED",
	codeAuthentication: "AUTHENTICATION_FAILED",
	codeCannotUnpack:   "CANNOT_DECOMPRESS",
	codeUnknown:        "UNKNOWN_EXCEPTION",
	codeNoSpaceOrWrite: "CANNOT_WRITE_TO_FILE_DESCRIPTOR",
	codeBadHTTPRequest: "POCO_EXCEPTION",
}

// exception is an error with ClickHouse's number and text.
type exception struct {
	Code int
	Text string // without "Code: N. DB::Exception: ", with "(NAME)" at its end
}

func (e *exception) Error() string {
	return fmt.Sprintf("Code: %d. DB::Exception: %s", e.Code, e.Text)
}

// refuse makes an exception of this package's own.
func refuse(code int, format string, args ...any) *exception {
	return &exception{Code: code, Text: fmt.Sprintf(format, args...) + ". (" + codeNames[code] + ")"}
}

var codeInText = regexp.MustCompile(`(?s)^\s*Code: (\d+)\. (?:DB::Exception: )?(.*)$`)

// newException reads the engine's error text.
func newException(text string) *exception {
	text = strings.TrimPrefix(text, "Error: ")
	match := codeInText.FindStringSubmatch(text)
	if match == nil {
		return &exception{Code: codeUnknown, Text: strings.TrimSpace(text)}
	}
	code, err := strconv.Atoi(match[1])
	if err != nil {
		return &exception{Code: codeUnknown, Text: strings.TrimSpace(text)}
	}
	return &exception{Code: code, Text: strings.TrimSpace(match[2])}
}

// status is the HTTP status with which a ClickHouse server answers an exception.
func (e *exception) status() int {
	switch e.Code {
	case 194:
		return http.StatusUnauthorized
	case codeAuthentication, codeForbidden, 164:
		return http.StatusForbidden
	case 6, 25, 26, 27, 38, 41, 53, codeSyntaxError, 72, 117, 321, 376, 386, 456, 457, codeCannotUnpack:
		return http.StatusBadRequest
	case 16, 46, 47, 50, 56, 60, 63, 71, codeUnknownFormat, 78, 81, codeUnknownSetting, 336:
		return http.StatusNotFound
	case codeNotImplemented:
		return http.StatusNotImplemented
	case 159, 160, 209:
		return http.StatusRequestTimeout
	case 202, 439:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
