package codecs

import "payerflow/events"

// DeadLetter is the value of every .dlq topic: the record as it came, and why
// it could not be taken.
type DeadLetter struct {
	Metadata        DLQMetadata `avro:"dlqMetadata"`
	OriginalKey     []byte      `avro:"originalKey"`
	OriginalPayload []byte      `avro:"originalPayload"`
	OriginalHeaders []DLQHeader `avro:"originalHeaders"`
}

// DLQMetadata are the catalogue's fields, the reason code, and the event's
// identity where the record decoded.
type DLQMetadata struct {
	OriginalTopic     string         `avro:"originalTopic"`
	OriginalPartition int32          `avro:"originalPartition"`
	OriginalOffset    int64          `avro:"originalOffset"`
	FailureReason     string         `avro:"failureReason"`
	ReasonCode        string         `avro:"reasonCode"`
	FailedAt          events.Instant `avro:"failedAt"`
	ConsumerGroup     string         `avro:"consumerGroup"`
	RetryCount        int32          `avro:"retryCount"`
	EventID           *string        `avro:"eventId"`
}

// DLQHeader is one header of the record.
type DLQHeader struct {
	Key   string `avro:"key"`
	Value []byte `avro:"value"`
}

// deadLetterLimit holds a dead letter of the largest topic.
const deadLetterLimit = 20 << 20

// DeadLetters is the codec of all .dlq topics.
var DeadLetters = NewAvro[DeadLetter](deadLetterSchema, deadLetterLimit)
