package input

import (
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Message is one message of a partition's stream, not yet decoded. Its memory is its
// own: it may be kept.
type Message struct {
	Tenant    string // from the subject
	Kind      string // from the subject; may be "batch"
	Partition int
	Sequence  uint64    // in the partition's stream
	Stored    time.Time // when the broker stored it
	ID        string    // Nats-Msg-Id; empty where the publisher gave none
	JSON      bool      // by Content-Type; else protobuf
	Data      []byte
}

// delivery is what the broker says about a message in its reply subject.
type delivery struct {
	stream, consumer uint64 // sequences
	stored           int64  // Unix nanoseconds
	pending          uint64 // messages after this one
}

// parseDelivery reads the reply subject of a delivered message:
//
//	v1  $JS.ACK.<stream>.<consumer>.<delivered>.<sseq>.<cseq>.<time>.<pending>
//	v2  $JS.ACK.<domain>.<account>.<stream>.<consumer>.<delivered>.<sseq>.<cseq>.<time>.<pending>[.<token>]
//
// It does the work of the jetstream package's Metadata without its allocations.
func parseDelivery(reply string) (d delivery, ok bool) {
	rest, ok := strings.CutPrefix(reply, "$JS.ACK.")
	if !ok {
		return d, false
	}
	skip := 3 // stream, consumer, delivered
	switch n := strings.Count(rest, "."); {
	case n == 6:
	case n >= 8:
		skip = 5 // and before them the domain and the account
	default:
		return d, false
	}
	for range skip {
		rest = rest[strings.IndexByte(rest, '.')+1:]
	}
	var numbers [4]uint64
	for i := range numbers {
		if numbers[i], rest, ok = cutNumber(rest); !ok {
			return d, false
		}
	}
	return delivery{stream: numbers[0], consumer: numbers[1], stored: int64(numbers[2]), pending: numbers[3]}, true
}

// cutNumber reads the decimal token at the start of s and returns what follows its dot.
func cutNumber(s string) (n uint64, rest string, ok bool) {
	i := 0
	for i < len(s) && s[i] != '.' {
		c := s[i] - '0'
		if c > 9 {
			return 0, "", false
		}
		n = n*10 + uint64(c)
		i++
	}
	return n, s[min(i+1, len(s)):], i > 0
}

// isJSON reports whether a message is to be read as JSON: all but those that say that
// they are protobuf.
func isJSON(header nats.Header) bool {
	if len(header) == 0 {
		return true
	}
	value := header.Get(contentType)
	if value == "" {
		for name, values := range header {
			if strings.EqualFold(name, contentType) && len(values) > 0 {
				value = values[0]
			}
		}
	}
	value, _, _ = strings.Cut(value, ";")
	value = strings.TrimSpace(value)
	return !strings.EqualFold(value, typeProtobuf) && !strings.EqualFold(value, "application/x-protobuf")
}

// contentTypeOf is the inverse of isJSON.
func contentTypeOf(json bool) string {
	if json {
		return typeJSON
	}
	return typeProtobuf
}
