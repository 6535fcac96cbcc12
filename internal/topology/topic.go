package topology

import "time"

// Cleanup is a topic's cleanup policy.
type Cleanup string

// Delete forgets records by age, Compact keeps the newest of each key.
const (
	Delete  Cleanup = "delete"
	Compact Cleanup = "compact"
)

// Topic is what the catalogue says of one topic. Names are wire names: they
// are permanent and are never derived from code.
type Topic struct {
	Name            string
	Partitions      int
	Retention       time.Duration // 0: for ever
	Compression     string        // producer default is compression.type, for example lz4
	MaxMessageBytes int
	Cleanup         Cleanup
	KeyField        string   // JSON name of the field that is the record key
	EventTypes      []string // catalogue types that the topic carries
	Producers       []string
	Consumers       []string
	Owner           string
	Doc             string
}

// DLQ is the topic for records of t that a consumer could not take: same
// partition count, 30 days, room for the record and its failure metadata.
func (t Topic) DLQ() Topic {
	return Topic{
		Name: t.Name + ".dlq", Partitions: t.Partitions, Retention: 30 * 24 * time.Hour,
		Compression: t.Compression, MaxMessageBytes: 2 * t.MaxMessageBytes, Cleanup: Delete,
		Owner: t.Owner, Producers: t.Consumers, Doc: "records of " + t.Name + " that a consumer could not take",
	}
}

// Subject is the topic's subject in the schema registry (TopicNameStrategy).
func (t Topic) Subject() string { return t.Name + "-value" }
