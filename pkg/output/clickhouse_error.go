package output

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// ClickHouseError is a statement that ClickHouse did not carry out.
type ClickHouseError struct {
	What      string // "write tickets"
	Permanent bool   // trying again does not help before something else changes
	Err       error
}

func (e *ClickHouseError) Error() string { return fmt.Sprintf("clickhouse: %s: %v", e.What, e.Err) }
func (e *ClickHouseError) Unwrap() error { return e.Err }

// Retryable reports whether the same call may succeed later without anybody's doing.
// Of several errors joined, one such is enough.
func Retryable(err error) bool {
	if err == nil {
		return false
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			if Retryable(e) {
				return true
			}
		}
		return false
	}
	var e *ClickHouseError
	return !errors.As(err, &e) || !e.Permanent
}

// fault is what an error of ClickHouse blames.
type fault uint8

const (
	passing fault = iota // the network, load, a restart
	schema               // the account or the tables: every row would fail
	content              // the rows
	unknown              // perhaps the rows
)

// The codes are those of ClickHouse's ErrorCodes.cpp.
var faults = map[int32]fault{
	159: passing, // TIMEOUT_EXCEEDED
	160: passing, // TOO_SLOW
	198: passing, // DNS_ERROR
	202: passing, // TOO_MANY_SIMULTANEOUS_QUERIES
	203: passing, // NO_FREE_CONNECTION
	209: passing, // SOCKET_TIMEOUT
	210: passing, // NETWORK_ERROR
	225: passing, // NO_ZOOKEEPER
	236: passing, // ABORTED
	241: passing, // MEMORY_LIMIT_EXCEEDED
	242: passing, // TABLE_IS_READ_ONLY
	243: passing, // NOT_ENOUGH_SPACE
	252: passing, // TOO_MANY_PARTS
	285: passing, // TOO_FEW_LIVE_REPLICAS
	286: passing, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
	319: passing, // UNKNOWN_STATUS_OF_INSERT
	394: passing, // QUERY_WAS_CANCELLED
	425: passing, // SYSTEM_ERROR
	459: passing, // CANNOT_SET_THREAD_PRIORITY
	473: passing, // DEADLOCK_AVOIDED
	999: passing, // KEEPER_EXCEPTION

	16:  schema, // NO_SUCH_COLUMN_IN_TABLE
	60:  schema, // UNKNOWN_TABLE
	81:  schema, // UNKNOWN_DATABASE
	115: schema, // UNKNOWN_SETTING
	164: schema, // READONLY
	192: schema, // UNKNOWN_USER
	193: schema, // WRONG_PASSWORD
	194: schema, // REQUIRED_PASSWORD
	201: schema, // QUOTA_EXCEEDED
	291: schema, // DATABASE_ACCESS_DENIED
	497: schema, // ACCESS_DENIED
	516: schema, // AUTHENTICATION_FAILED

	6:   content, // CANNOT_PARSE_TEXT
	27:  content, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
	33:  content, // CANNOT_READ_ALL_DATA
	38:  content, // CANNOT_PARSE_DATE
	41:  content, // CANNOT_PARSE_DATETIME
	53:  content, // TYPE_MISMATCH
	69:  content, // ARGUMENT_OUT_OF_BOUND
	70:  content, // CANNOT_CONVERT_TYPE
	117: content, // INCORRECT_DATA
	128: content, // TOO_LARGE_ARRAY_SIZE
	131: content, // TOO_LARGE_STRING_SIZE
	190: content, // SIZES_OF_ARRAYS_DONT_MATCH
	321: content, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
	395: content, // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
	469: content, // VIOLATED_CONSTRAINT
}

func blame(err error) fault {
	var e *clickhouse.Exception
	if errors.As(err, &e) {
		if f, ok := faults[e.Code]; ok {
			return f
		}
		return unknown
	}
	var h *clickhouse.HTTPError
	if errors.As(err, &h) {
		switch h.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
			return schema // a proxy in front
		}
	}
	var bad *badRow
	if errors.As(err, &bad) {
		return content
	}
	var newer *newerError
	if errors.As(err, &newer) {
		return schema
	}
	return passing
}

func clickhouseError(what string, err error) error {
	if err == nil {
		return nil
	}
	return &ClickHouseError{What: what, Permanent: blame(err) != passing, Err: err}
}
