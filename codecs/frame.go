package codecs

import (
	"encoding/binary"
	"fmt"

	"payerflow/events"
)

// Reason codes of bytes that are not what their topic promises.
const (
	BadFrame           = "BAD_FRAME"
	UnknownSchema      = "UNKNOWN_SCHEMA"
	IncompatibleSchema = "INCOMPATIBLE_SCHEMA"
	BadAvro            = "BAD_AVRO"
	TrailingBytes      = "TRAILING_BYTES"
	TooLarge           = "TOO_LARGE"
)

// frameBytes is the length of the Confluent frame: a zero byte, then the
// schema id as four bytes, big endian.
const frameBytes = 5

func fault(code, reason string) error { return &events.Fault{ReasonCode: code, Reason: reason} }

func tooLarge(limit int) error {
	return fault(TooLarge, fmt.Sprintf("the value is larger than %d bytes", limit))
}

// Frame puts the Confluent frame in front of an Avro body.
func Frame(id int, body []byte) []byte {
	b := make([]byte, frameBytes, frameBytes+len(body))
	binary.BigEndian.PutUint32(b[1:], uint32(id))
	return append(b, body...)
}

// Unframe splits a value into schema id and Avro body.
func Unframe(b []byte) (id int, body []byte, err error) {
	if len(b) < frameBytes || b[0] != 0 {
		return 0, nil, fault(BadFrame, "the value does not start with the five bytes of the Confluent frame")
	}
	return int(binary.BigEndian.Uint32(b[1:frameBytes])), b[frameBytes:], nil
}
