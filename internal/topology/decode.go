package topology

import (
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of keys and event times.
const (
	maxKeyBytes     = 1024
	maxClockAhead   = 24 * time.Hour
	reservedKeyMark = "__"
)

// earliest is the oldest event time that is taken for real; older ones are
// clocks that were never set.
var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (b *Bound) decode(in int, rec *Raw) (Event, *Parked, error) {
	if rec.Value == nil {
		return nil, &Parked{Code: NullValue, Reason: "the record has no value, and event topics have no tombstones"}, nil
	}
	if reason := keyFault(rec.Key); reason != "" {
		return nil, &Parked{Code: InvalidKey, Reason: reason}, nil
	}
	v, err := b.inputs[in].Decode(rec.Value)
	if errors.Is(err, ErrUnavailable) {
		return nil, nil, err
	}
	if err != nil {
		return nil, parkedBy(err, Undecodable), nil
	}
	event := v.(Event)
	if err := event.Validate(); err != nil {
		return nil, parkedBy(err, InvalidEvent), nil
	}
	if event.Subject() != string(rec.Key) {
		return nil, &Parked{Code: KeyMismatch, Pointer: "/" + b.Inputs[in].Topic.KeyField,
			Reason: "the record key is not the value of the topic's key field"}, nil
	}
	return event, nil, nil
}

func keyFault(key []byte) string {
	switch {
	case len(key) == 0:
		return "the record has no key"
	case len(key) > maxKeyBytes:
		return fmt.Sprintf("the key is longer than %d bytes", maxKeyBytes)
	case !utf8.Valid(key):
		return "the key is not UTF-8"
	case string(key[:min(2, len(key))]) == reservedKeyMark:
		return "keys that begin with two underscores are reserved"
	}
	for _, c := range string(key) {
		if unicode.IsControl(c) {
			return "the key holds a control character"
		}
	}
	return ""
}

func timeOutOfRange(at, stamp, now time.Time) *Parked {
	limit := now.Add(maxClockAhead)
	switch {
	case at.Before(earliest) || stamp.Before(earliest):
		return &Parked{Code: TimeOutOfRange, Reason: "the event time or the record's time stamp is before 2000"}
	case at.After(limit) || stamp.After(limit):
		return &Parked{Code: TimeOutOfRange, Reason: "the event time or the record's time stamp is more than 24 hours ahead"}
	}
	return nil
}
