package topology

import (
	"time"
)

// Header names that travel with a record.
const (
	HeaderID        = "ce_id"        // CloudEvents id, the event's identity
	HeaderSynthetic = "ce_synthetic" // "true": the event is fictitious

	// Coordinates of the record before it was repartitioned. They are trusted
	// on repartition topics only, which nobody but the group writes.
	HeaderTopic     = "pf_topic"
	HeaderPartition = "pf_partition"
	HeaderOffset    = "pf_offset"

	// HeaderOutput names, on a dead letter, the one output that was not written
	// for want of its topic. All else that the record did stands.
	HeaderOutput = "pf_output"
)

// Header is one record header.
type Header struct {
	Key   string `avro:"key"`
	Value []byte `avro:"value"`
}

// Raw is a record as it came from the stream.
type Raw struct {
	Topic     string
	Partition int32
	Offset    int64
	Key       []byte
	Value     []byte // nil: the record has none
	Headers   []Header
	Timestamp time.Time
}

// Header returns the last value of a header, nil if it is absent.
func (r *Raw) Header(name string) (value []byte) {
	for _, h := range r.Headers {
		if h.Key == name {
			value = h.Value
		}
	}
	return value
}

// Synthetic says whether the record is marked as a fictitious event.
func (r *Raw) Synthetic() bool { return string(r.Header(HeaderSynthetic)) == "true" }
