package topology

import (
	"encoding/json"
	"fmt"
	"time"
)

// LogStarts is the compacted topic that says from where on partitions keep
// their records, where the event store holds what was before. It is written
// before records are deleted, so that a broker which forgets it can be told
// again. Key: topic/partition. See docs/adr/0021.
var LogStarts = Topic{
	Name: "payerflow.log-starts", Partitions: 1, Cleanup: Compact, Compression: "lz4", MaxMessageBytes: 1 << 20,
	Owner: "payerflow", Doc: "from where on partitions keep their records",
}

// LogStart is from where on a partition keeps its records.
type LogStart struct {
	Topic     string    `json:"topic"`
	TopicID   string    `json:"topicId"` // hex, Kafka's: a topic that was made anew is another one
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	At        time.Time `json:"at"`
}

// Key of the record in [LogStarts].
func (l LogStart) Key() string { return fmt.Sprintf("%s/%d", l.Topic, l.Partition) }

// Encode writes the value of the record.
func (l LogStart) Encode() ([]byte, error) { return json.Marshal(l) }

// DecodeLogStart reads the value of a record.
func DecodeLogStart(b []byte) (l LogStart, err error) {
	if err = json.Unmarshal(b, &l); err == nil && (l.Topic == "" || l.Partition < 0 || l.Offset < 0) {
		err = fmt.Errorf("it names no partition and offset")
	}
	if err != nil {
		return l, fmt.Errorf("not a log start: %w", err)
	}
	return l, nil
}
