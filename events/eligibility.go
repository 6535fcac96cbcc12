package events

import (
	"log/slog"
	"time"
)

// Event types of the eligibility domain.
const (
	TypeCoverageVerified   Type = "COVERAGE_VERIFIED"
	TypeCoverageNotFound   Type = "COVERAGE_NOT_FOUND"
	TypeCoverageTerminated Type = "COVERAGE_TERMINATED"
)

// CoverageVerified answers a question about a member's coverage: found, with
// its days, or not found. Topic eligibility.coverage.verified, key memberId.
// Of COVERAGE_NOT_FOUND, plan and line are what was asked about, if any.
type CoverageVerified struct {
	Type                Type    `avro:"eventType" json:"eventType"`
	SchemaVersion       string  `avro:"schemaVersion" json:"schemaVersion"`
	MemberID            ID      `avro:"memberId" json:"memberId"`
	PlanID              *ID     `avro:"planId" json:"planId,omitempty"`
	GroupNumber         *ID     `avro:"groupNumber" json:"groupNumber,omitempty"`
	MemberNumber        *ID     `avro:"memberNumber" json:"memberNumber,omitempty"`
	EffectiveDate       *Date   `avro:"effectiveDate" json:"effectiveDate,omitempty"`
	TerminationDate     *Date   `avro:"terminationDate" json:"terminationDate,omitempty"` // last day, nil while open
	CoverageType        *string `avro:"coverageType" json:"coverageType,omitempty"`
	NetworkTier         *string `avro:"networkTier" json:"networkTier,omitempty"`
	DeductibleRemaining *Money  `avro:"deductibleRemaining" json:"deductibleRemaining,omitempty"`
	OOPMaxRemaining     *Money  `avro:"oopMaxRemaining" json:"oopMaxRemaining,omitempty"`
	VerifiedAt          Instant `avro:"verifiedAt" json:"verifiedAt"`
}

func (e CoverageVerified) EventType() string     { return string(e.Type) }
func (e CoverageVerified) Subject() string       { return string(e.MemberID) }
func (e CoverageVerified) OccurredAt() time.Time { return e.VerifiedAt.Time() }
func (e CoverageVerified) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e CoverageVerified) Validate() error {
	member := missing(text("memberId", e.MemberID))
	switch {
	case member != nil:
		return member
	case e.Type == TypeCoverageVerified:
		return missing(optionalText("planId", e.PlanID), optional("effectiveDate", e.EffectiveDate), optionalText("coverageType", e.CoverageType))
	case e.Type == TypeCoverageNotFound:
		return nil
	}
	return unknownType()
}

// CoverageTerminated says that a member's coverage under a plan ends. Topic
// eligibility.coverage.terminated, key memberId. Without a line every line of
// the plan ends.
type CoverageTerminated struct {
	Type              Type    `avro:"eventType" json:"eventType"`
	SchemaVersion     string  `avro:"schemaVersion" json:"schemaVersion"`
	MemberID          ID      `avro:"memberId" json:"memberId"`
	PlanID            ID      `avro:"planId" json:"planId"`
	GroupNumber       *ID     `avro:"groupNumber" json:"groupNumber,omitempty"`
	MemberNumber      *ID     `avro:"memberNumber" json:"memberNumber,omitempty"`
	CoverageType      *string `avro:"coverageType" json:"coverageType,omitempty"`
	TerminationDate   Date    `avro:"terminationDate" json:"terminationDate"` // last day
	TerminationReason *string `avro:"terminationReason" json:"terminationReason,omitempty"`
	TerminatedAt      Instant `avro:"terminatedAt" json:"terminatedAt"`
}

func (e CoverageTerminated) EventType() string     { return string(e.Type) }
func (e CoverageTerminated) Subject() string       { return string(e.MemberID) }
func (e CoverageTerminated) OccurredAt() time.Time { return e.TerminatedAt.Time() }
func (e CoverageTerminated) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e CoverageTerminated) Validate() error {
	if e.Type != TypeCoverageTerminated {
		return unknownType()
	}
	return missing(text("memberId", e.MemberID), text("planId", e.PlanID))
}
