package tables

import "payerflow/events"

// ClaimAppeal is what is known about one appeal against the decision on a
// claim: where each source system has it, and where it stands in all.
type ClaimAppeal struct {
	AppealID events.ID      `avro:"appealId" json:"appealId" class:"PHI"`
	Level    *string        `avro:"level" json:"level,omitempty" class:"PUBLIC"`
	State    string         `avro:"state" json:"state" class:"PHI" from:"eventType"`
	StateAt  events.Instant `avro:"stateAt" json:"stateAt" class:"PUBLIC" from:"updatedAt,resolvedAt"`
	FirstAt  events.Instant `avro:"firstAt" json:"firstAt" class:"PUBLIC" from:"updatedAt,resolvedAt"` // event time of the earliest fact
	// SourceSystem is whose report gives the state; nil where the plan's own
	// resolution does.
	SourceSystem       *string        `avro:"sourceSystem" json:"sourceSystem,omitempty" class:"PUBLIC"`
	Text               *events.Text   `avro:"text" json:"text,omitempty" class:"PHI" from:"text,reasonText"`
	InformationDueDate *events.Date   `avro:"informationDueDate" json:"informationDueDate,omitempty" class:"PHI"` // the earliest of open requests
	Outcome            *string        `avro:"outcome" json:"outcome,omitempty" class:"PHI"`
	Sources            []AppealSource `avro:"sources" json:"sources"` // by name
}

// AppealSource is where one source system has an appeal.
type AppealSource struct {
	SourceSystem       string         `avro:"sourceSystem" json:"sourceSystem" class:"PUBLIC"`
	State              string         `avro:"state" json:"state" class:"PHI" from:"eventType"`
	StateAt            events.Instant `avro:"stateAt" json:"stateAt" class:"PUBLIC" from:"updatedAt,resolvedAt"`
	Text               *events.Text   `avro:"text" json:"text,omitempty" class:"PHI" from:"text,reasonText"`
	InformationDueDate *events.Date   `avro:"informationDueDate" json:"informationDueDate,omitempty" class:"PHI"`
	Outcome            *string        `avro:"outcome" json:"outcome,omitempty" class:"PHI"`
}

// States of an appeal, in the order in which it goes through them.
const (
	AppealReceived      = "RECEIVED"
	AppealInReview      = "IN_REVIEW"
	AppealInfoRequested = "INFO_REQUESTED"
	AppealDecided       = "DECIDED"
)
