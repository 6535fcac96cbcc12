package tables

import (
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// PriorAuth is what the plan decided about one prior authorization, keyed by
// priorAuthId: facts sorted by event time, lifecycle and id. It is also what
// the claims that name it are told.
type PriorAuth struct {
	PriorAuthID events.ID      `avro:"priorAuthId" json:"priorAuthId" class:"PHI"`
	Decisions   []AuthDecision `avro:"decisions" json:"decisions"`
}

// AuthDecision is one decision on a prior authorization.
type AuthDecision struct {
	ID         string         `avro:"id" json:"id" class:"PUBLIC"` // event identity
	Type       events.Type    `avro:"type" json:"type" class:"PHI" from:"eventType"`
	At         events.Instant `avro:"at" json:"at" class:"PUBLIC" from:"decidedAt"`
	MemberID   events.ID      `avro:"memberId" json:"memberId" class:"PHI"`
	ProviderID events.ID      `avro:"providerId" json:"providerId" class:"PHI"`
	PlanID     events.ID      `avro:"planId" json:"planId" class:"PUBLIC"`

	ClaimID        *events.ID   `avro:"claimId" json:"claimId,omitempty" class:"PHI"`
	ServiceCode    *string      `avro:"serviceCode" json:"serviceCode,omitempty" class:"PHI"`
	ApprovedUnits  *int32       `avro:"approvedUnits" json:"approvedUnits,omitempty" class:"PHI"`
	EffectiveDate  *events.Date `avro:"effectiveDate" json:"effectiveDate,omitempty" class:"PHI"`
	ExpirationDate *events.Date `avro:"expirationDate" json:"expirationDate,omitempty" class:"PHI"` // the last day, nil: open
	DenialCode     *string      `avro:"denialCode" json:"denialCode,omitempty" class:"PHI" from:"denialReasonCode"`
	DenialText     *events.Text `avro:"denialText" json:"denialText,omitempty" class:"PHI" from:"denialReasonText"`
}

// InForce is the latest decision, nil where there is none. Of two at one
// instant the denial counts.
func (p PriorAuth) InForce() *AuthDecision {
	if n := len(p.Decisions); n > 0 {
		return &p.Decisions[n-1]
	}
	return nil
}

// Covers says whether the decision allows a service on a day, as far as days
// are concerned.
func (d AuthDecision) Covers(day events.Date) bool {
	return d.Type == events.TypePriorAuthApproved && day >= *d.EffectiveDate && (d.ExpirationDate == nil || day <= *d.ExpirationDate)
}

// Because returns the ids of the decisions, sorted, the first 100 of them, and
// how many there are.
func (p PriorAuth) Because() topology.Because {
	ids := make([]string, 0, len(p.Decisions))
	for _, d := range p.Decisions {
		ids = append(ids, d.ID)
	}
	return topology.BecauseOf(ids, maxBecause)
}

// LatestEventAt is the event time of the decision in force.
func (p PriorAuth) LatestEventAt() time.Time {
	if d := p.InForce(); d != nil {
		return d.At.Time()
	}
	return time.Time{}
}

// EventType names what follows from a row.
func (p PriorAuth) EventType() string { return "PRIOR_AUTH" }

// Subject is the prior authorization.
func (p PriorAuth) Subject() string { return string(p.PriorAuthID) }

// OccurredAt is nowhere: the record's time stamp counts.
func (p PriorAuth) OccurredAt() time.Time { return time.Time{} }

// Stamped says that the record's time stamp is the event time.
func (p PriorAuth) Stamped() {}

// Validate finds nothing wrong.
func (p PriorAuth) Validate() error { return nil }

// Suffix is empty: there is one for each prior authorization.
func (p PriorAuth) Suffix() string { return "" }

// Removed is an authorization that nobody has decided.
func (p PriorAuth) Removed() PriorAuth { return PriorAuth{PriorAuthID: p.PriorAuthID} }
