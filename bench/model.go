package main

import (
	"errors"
	"slices"
	"sort"
	"time"

	"payerflow/internal/topology"
)

// The events, as the fields of schemas/*.avsc.
type (
	submitted struct {
		EventID       string `avro:"eventId"`
		ClaimID       string `avro:"claimId"`
		MemberID      string `avro:"memberId"`
		ProviderID    string `avro:"providerId"`
		PayerID       string `avro:"payerId"`
		BilledAmount  string `avro:"billedAmount"`
		DiagnosisCode string `avro:"diagnosisCode"`
		ProcedureCode string `avro:"procedureCode"`
		ServiceDate   string `avro:"serviceDate"`
		At            string `avro:"occurredAt"`
	}
	adjudicated struct {
		EventID       string `avro:"eventId"`
		ClaimID       string `avro:"claimId"`
		MemberID      string `avro:"memberId"`
		AdjudicatorID string `avro:"adjudicatorId"`
		Decision      string `avro:"decision"`
		AllowedAmount string `avro:"allowedAmount"`
		Deductible    string `avro:"deductible"`
		Copay         string `avro:"copay"`
		ReasonCode    string `avro:"reasonCode"`
		At            string `avro:"occurredAt"`
	}
	paid struct {
		EventID       string `avro:"eventId"`
		ClaimID       string `avro:"claimId"`
		MemberID      string `avro:"memberId"`
		PaymentID     string `avro:"paymentId"`
		PaidAmount    string `avro:"paidAmount"`
		CheckNumber   string `avro:"checkNumber"`
		Method        string `avro:"method"`
		BankReference string `avro:"bankReference"`
		RemittanceID  string `avro:"remittanceId"`
		At            string `avro:"occurredAt"`
	}
	resolved struct {
		EventID       string `avro:"eventId"`
		ClaimID       string `avro:"claimId"`
		MemberID      string `avro:"memberId"`
		AppealID      string `avro:"appealId"`
		Outcome       string `avro:"outcome"`
		AllowedAmount string `avro:"allowedAmount"`
		ResolvedBy    string `avro:"resolvedBy"`
		ReasonCode    string `avro:"reasonCode"`
		Notes         string `avro:"notes"`
		At            string `avro:"occurredAt"`
	}
)

// status is the row of a claim, and what is written to the view topic.
type status struct {
	ClaimID     string   `avro:"claimId"`
	MemberID    string   `avro:"memberId"`
	Status      string   `avro:"status"`
	Billed      string   `avro:"billed"`
	Allowed     string   `avro:"allowed"`
	Paid        string   `avro:"paid"`
	LastEventAt string   `avro:"lastEventAt"`
	History     []change `avro:"history"`
}

type change struct {
	Status string `avro:"status"`
	At     string `avro:"at"`
}

// fact is what an event does to the row of its claim.
type fact interface {
	topology.Event
	tell(s *status) (changedTo, at string)
}

func (e submitted) tell(s *status) (string, string) {
	s.MemberID, s.Billed = e.MemberID, e.BilledAmount
	return "SUBMITTED", e.At
}

func (e adjudicated) tell(s *status) (string, string) {
	s.MemberID, s.Allowed = e.MemberID, e.AllowedAmount
	return e.Decision, e.At
}

func (e paid) tell(s *status) (string, string) {
	s.MemberID, s.Paid = e.MemberID, e.PaidAmount
	return "PAID", e.At
}

func (e resolved) tell(s *status) (string, string) {
	s.MemberID = e.MemberID
	return "APPEAL_" + e.Outcome, e.At
}

// apply folds one event. The history is kept in the order of time, so that the
// final row does not depend on how the four topics were interleaved. The
// history of s is not written to: it may be shared with an older row.
func apply(s status, e fact) status {
	s.ClaimID = e.Subject()
	to, at := e.tell(&s)
	i := sort.Search(len(s.History), func(i int) bool { return s.History[i].At > at })
	s.History = slices.Insert(slices.Clip(s.History), i, change{to, at})
	if at >= s.LastEventAt {
		s.Status, s.LastEventAt = to, at
	}
	return s
}

const layout = "2006-01-02T15:04:05.000Z"

func instant(s string) time.Time {
	t, _ := time.Parse(layout, s) // the zero time is refused as out of range
	return t
}

func named(id string) error {
	if id == "" {
		return errors.New("the claim has no id")
	}
	return nil
}

func (e submitted) EventType() string       { return "submitted" }
func (e submitted) Subject() string         { return e.ClaimID }
func (e submitted) OccurredAt() time.Time   { return instant(e.At) }
func (e submitted) Validate() error         { return named(e.ClaimID) }
func (e adjudicated) EventType() string     { return "adjudicated" }
func (e adjudicated) Subject() string       { return e.ClaimID }
func (e adjudicated) OccurredAt() time.Time { return instant(e.At) }
func (e adjudicated) Validate() error       { return named(e.ClaimID) }
func (e paid) EventType() string            { return "paid" }
func (e paid) Subject() string              { return e.ClaimID }
func (e paid) OccurredAt() time.Time        { return instant(e.At) }
func (e paid) Validate() error              { return named(e.ClaimID) }
func (e resolved) EventType() string        { return "resolved" }
func (e resolved) Subject() string          { return e.ClaimID }
func (e resolved) OccurredAt() time.Time    { return instant(e.At) }
func (e resolved) Validate() error          { return named(e.ClaimID) }

// status is an event too: the engine emits events.
func (s status) EventType() string         { return "status" }
func (s status) Subject() string           { return s.ClaimID }
func (s status) OccurredAt() time.Time     { return instant(s.LastEventAt) }
func (s status) Validate() error           { return named(s.ClaimID) }
func (s status) LatestEventAt() time.Time  { return instant(s.LastEventAt) }
func (s status) Because() topology.Because { return topology.Because{Count: len(s.History)} }
