package consume

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"payerflow/events"
)

// Lease is an event that a puller has for a while.
type Lease struct {
	ID         string
	ExpiresAt  time.Time
	Deliveries int // 1: the first
	Event      events.Envelope
	Partition  int32
	Offset     int64
}

// leaseID names one delivery of one event by one owner. It is no secret: who
// may acknowledge is decided by the token.
type leaseID struct {
	partition int32
	offset    int64
	delivery  int
	epoch     string
}

func (l leaseID) String() string {
	return fmt.Sprintf("%d-%d-%d-%s", l.partition, l.offset, l.delivery, l.epoch)
}

var errLease = errors.New("not a lease of this API")

// parseLease is the inverse of String, and refuses every other text.
func parseLease(text string) (l leaseID, err error) {
	parts := strings.Split(text, "-")
	if len(parts) != 4 {
		return l, errLease
	}
	partition, err1 := strconv.ParseInt(parts[0], 10, 32)
	offset, err2 := strconv.ParseInt(parts[1], 10, 64)
	delivery, err3 := strconv.ParseInt(parts[2], 10, 32)
	l = leaseID{int32(partition), offset, int(delivery), parts[3]}
	if errors.Join(err1, err2, err3) != nil || l.String() != text {
		return leaseID{}, errLease
	}
	return l, nil
}
