package input

import (
	"fmt"
	"strconv"
	"strings"
)

// The names on the broker.
const (
	// DeadLetterStream holds what was refused.
	DeadLetterStream = "DESK_DLQ"

	eventPrefix      = "deskp."
	deadLetterPrefix = "deskdlq."

	contentType     = "Content-Type"
	typeProtobuf    = "application/protobuf"
	typeJSON        = "application/json"
	partitionsEntry = "deskpulse.partitions" // in a stream's metadata
)

// StreamName returns the name of a partition's stream.
func StreamName(partition int) string { return "DESK_" + strconv.Itoa(partition) }

// Subject returns the subject on which a partition's events of one kind are published;
// kind may be "batch".
func Subject(partition int, tenant, kind string) string {
	return eventPrefix + strconv.Itoa(partition) + "." + tenant + "." + kind
}

// splitSubject takes deskp.<p>.<tenant>.<kind> apart; p is the stream's own.
func splitSubject(subject string) (tenant, kind string, ok bool) {
	rest, ok := strings.CutPrefix(subject, eventPrefix)
	if !ok {
		return "", "", false
	}
	_, rest, ok = strings.Cut(rest, ".")
	if !ok {
		return "", "", false
	}
	tenant, kind, ok = strings.Cut(rest, ".")
	return tenant, kind, ok && !strings.Contains(kind, ".")
}

// checkPartition refuses a partition that does not exist.
func checkPartition(partition, partitions int) error {
	if partition < 0 || partition >= partitions {
		return fmt.Errorf("partition %d: use 0 to %d", partition, partitions-1)
	}
	return nil
}
