package topology

import (
	"errors"
)

// Parked says why a record goes to its DLQ. It never repeats a key or a value.
type Parked struct {
	Code    string
	Pointer string // JSON pointer of the field at fault, "" for the whole record
	Reason  string
	EventID string // "" where the record did not decode
	Stack   string // of a fold that panicked
}

// Reason codes of records that no rule of a fold refused.
const (
	NullValue      = "NULL_VALUE"
	InvalidKey     = "INVALID_KEY"
	KeyMismatch    = "KEY_MISMATCH"
	Undecodable    = "UNDECODABLE"
	InvalidEvent   = "INVALID_EVENT"
	TimeOutOfRange = "TIMESTAMP_OUT_OF_RANGE"
	FoldPanicked   = "FOLD_PANICKED"
	UnroutedOutput = "UNROUTED_OUTPUT"
	OutputNotCoded = "OUTPUT_NOT_ENCODABLE"
	RowNotCoded    = "ROW_NOT_ENCODABLE"
	NoSuchOutput   = "OUTPUT_TOPIC_MISSING"
	TimerStuck     = "TIMER_STUCK"
	EffectFailed   = "EFFECT_FAILED"
)

func parkedBy(err error, otherwise string) *Parked {
	var f Fault
	if errors.As(err, &f) {
		return &Parked{Code: f.Code(), Pointer: f.Pointer(), Reason: f.Error()}
	}
	return &Parked{Code: otherwise, Reason: err.Error()}
}

func notCoded(err error, code, reason string) (*Parked, error) {
	if errors.Is(err, ErrUnavailable) {
		return nil, err
	}
	var f Fault
	if errors.As(err, &f) {
		reason += ": " + f.Error()
	}
	return &Parked{Code: code, Reason: reason}, nil
}

type noCanonicalForm struct{}

func noForm() *Parked {
	return &Parked{Code: InvalidEvent, Reason: "the event has no canonical form"}
}
