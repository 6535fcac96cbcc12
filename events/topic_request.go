package events

import (
	"log/slog"
	"time"
)

// Event types by which a topic of the cluster is asked for, answered and made.
// They are registered as rows, not in the catalogue.
const (
	TypeTopicRequested   Type = "KaaS-Requested-Topic-Creation"
	TypeApprovalAsked    Type = "Authorizer-Sent-Notification-Email-Approval-Request"
	TypeApprovalAnswered Type = "Authorizer-Received-Approval-Response-Email"
	TypeApprovalMissed   Type = "Authorizer-Missed-Approval-Response-Email"
	TypeTopicCreated     Type = "KaaS-API-Created-Topic-Successfully"
)

// Tags of TypeApprovalAnswered.
const (
	TagApproved   = "approved"
	TagUnapproved = "unapproved"
)

// TopicRequested is the body of TypeTopicRequested.
type TopicRequested struct {
	RequestID      string `json:"requestId"`
	TopicName      string `json:"topicName"`
	Partitions     int32  `json:"partitions"`
	RetentionHours int32  `json:"retentionHours"`
	RequestedBy    ID     `json:"requestedBy"`
	Why            string `json:"why,omitempty"`
}

// TopicOrdered says what is to be done outside about a topic request: to ask
// for approval, to make the topic, to tell that nobody answered. Topic
// kaas.topic.ordered; key: RequestID.
type TopicOrdered struct {
	Act            string  `avro:"act" json:"act"`
	RequestID      string  `avro:"requestId" json:"requestId"`
	TopicName      string  `avro:"topicName" json:"topicName"`
	Partitions     int32   `avro:"partitions" json:"partitions"`
	RetentionHours int32   `avro:"retentionHours" json:"retentionHours"`
	RequestedBy    ID      `avro:"requestedBy" json:"requestedBy"` // of ASK
	Why            string  `avro:"why" json:"why"`                 // of ASK
	DueAt          Instant `avro:"dueAt" json:"dueAt"`             // until when an answer counts
	TransactionID  string  `avro:"transactionId" json:"transactionId"`
	Synthetic      bool    `avro:"synthetic" json:"synthetic"`
	At             Instant `avro:"at" json:"at"`
}

// Acts of a TopicOrdered.
const (
	OrderAsk    = "ASK"
	OrderCreate = "CREATE"
	OrderExpire = "EXPIRE"
)

func (e TopicOrdered) EventType() string     { return "TOPIC_ORDERED" }
func (e TopicOrdered) Subject() string       { return e.RequestID }
func (e TopicOrdered) OccurredAt() time.Time { return e.At.Time() }
func (e TopicOrdered) LogValue() slog.Value  { return logged(Type(e.EventType())) }

// Validate returns the first field that is absent.
func (e TopicOrdered) Validate() error {
	return missing(text("act", e.Act), text("requestId", e.RequestID), text("topicName", e.TopicName), field{"at", e.At == 0})
}
