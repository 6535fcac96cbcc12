package tables

import (
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// TopicRequest is what happened to one request for a topic, by requestId. A
// time that has not come is 0.
type TopicRequest struct {
	RequestID      string             `avro:"requestId" json:"requestId" class:"PUBLIC"`
	Status         string             `avro:"status" json:"status" class:"PUBLIC"`
	Code           string             `avro:"code" json:"code" class:"PUBLIC"` // why it is REFUSED
	TopicName      string             `avro:"topicName" json:"topicName" class:"PUBLIC"`
	Partitions     int32              `avro:"partitions" json:"partitions" class:"PUBLIC"`
	RetentionHours int32              `avro:"retentionHours" json:"retentionHours" class:"PUBLIC"`
	TransactionID  string             `avro:"transactionId" json:"transactionId" class:"PUBLIC"`
	RequestedAt    events.Instant     `avro:"requestedAt" json:"requestedAt" class:"PUBLIC"`
	DueAt          events.Instant     `avro:"dueAt" json:"dueAt" class:"PUBLIC"` // an answer counts until then
	AskedAt        events.Instant     `avro:"askedAt" json:"askedAt" class:"PUBLIC"`
	AnsweredAt     events.Instant     `avro:"answeredAt" json:"answeredAt" class:"PUBLIC"`
	TimedOutAt     events.Instant     `avro:"timedOutAt" json:"timedOutAt" class:"PUBLIC"`
	CreatedAt      events.Instant     `avro:"createdAt" json:"createdAt" class:"PUBLIC"`
	Steps          []TopicRequestStep `avro:"steps" json:"steps" class:"PUBLIC"` // in the order in which they were folded, the first 20
	Count          int32              `avro:"count" json:"count" class:"PUBLIC"` // of all steps
}

// TopicRequestStep is one event of a request.
type TopicRequestStep struct {
	ID        string         `avro:"id" json:"id" class:"PUBLIC"`
	EventType string         `avro:"eventType" json:"eventType" class:"PUBLIC"`
	At        events.Instant `avro:"at" json:"at" class:"PUBLIC"`
	Note      string         `avro:"note" json:"note" class:"PUBLIC"` // approved, unapproved; LATE where it changed nothing
}

// States of a request.
const (
	RequestOpen     = "REQUESTED" // nobody was asked yet
	RequestAsked    = "ASKED"
	RequestRefused  = "REFUSED" // by a rule: nobody was asked
	RequestApproved = "APPROVED"
	RequestRejected = "REJECTED"
	RequestTimedOut = "TIMED_OUT"
	RequestCreated  = "CREATED"
)

const maxRequestSteps = 20

// Known says whether the request itself has been seen.
func (r TopicRequest) Known() bool { return r.RequestedAt != 0 }

// Open says whether an answer still counts.
func (r TopicRequest) Open() bool { return r.Status == RequestOpen || r.Status == RequestAsked }

// Due is when the request times out.
func (r TopicRequest) Due() time.Time {
	if !r.Open() {
		return time.Time{}
	}
	return r.DueAt.Time()
}

// With is the row with one more step.
func (r TopicRequest) With(s TopicRequestStep) TopicRequest {
	r.Count++
	if len(r.Steps) < maxRequestSteps {
		r.Steps = append(r.Steps[:len(r.Steps):len(r.Steps)], s)
	}
	return r
}

// Has says whether an event is among the steps.
func (r TopicRequest) Has(id string) bool {
	for _, s := range r.Steps {
		if s.ID == id {
			return true
		}
	}
	return false
}

// Because names the events of the request.
func (r TopicRequest) Because() topology.Because {
	ids := make([]string, len(r.Steps))
	for i, s := range r.Steps {
		ids[i] = s.ID
	}
	b := topology.BecauseOf(ids, maxRequestSteps)
	b.Count = int(r.Count)
	return b
}

// LatestEventAt is the time of the latest step.
func (r TopicRequest) LatestEventAt() time.Time {
	last := max(r.RequestedAt, r.TimedOutAt)
	for _, s := range r.Steps {
		last = max(last, s.At)
	}
	return last.Time()
}
