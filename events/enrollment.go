package events

import (
	"log/slog"
	"time"
)

// Event types of the enrolment domain that are folded.
const (
	TypeEnrollmentActivated   Type = "ENROLLMENT_ACTIVATED"
	TypeEnrollmentTerminated  Type = "ENROLLMENT_TERMINATED"
	TypeEnrollmentPlanChanged Type = "ENROLLMENT_PLAN_CHANGED"
)

// EnrollmentActivated says that an enrolment is in force from a day on.
// Topic enrollment.enrollment.activated, key memberId. The premium tax credit
// is nil where nobody knows it, and zero where it is known to be none.
type EnrollmentActivated struct {
	Type           Type    `avro:"eventType" json:"eventType"`
	SchemaVersion  string  `avro:"schemaVersion" json:"schemaVersion"`
	EnrollmentID   ID      `avro:"enrollmentId" json:"enrollmentId"`
	MemberID       ID      `avro:"memberId" json:"memberId"`
	GroupID        *ID     `avro:"groupId" json:"groupId,omitempty"`
	PlanID         ID      `avro:"planId" json:"planId"`
	CoverageType   string  `avro:"coverageType" json:"coverageType"`
	EffectiveDate  Date    `avro:"effectiveDate" json:"effectiveDate"`
	TierCode       *string `avro:"tierCode" json:"tierCode,omitempty"`
	MemberPremium  *Money  `avro:"memberPremium" json:"memberPremium,omitempty"`
	TotalPremium   *Money  `avro:"totalPremium" json:"totalPremium,omitempty"`
	DependentCount *int    `avro:"dependentCount" json:"dependentCount,omitempty"`
	ActivatedAt    Instant `avro:"activatedAt" json:"activatedAt"`
	APTCAmount     *Money  `avro:"aptcAmount" json:"aptcAmount,omitempty"`
}

func (e EnrollmentActivated) EventType() string     { return string(e.Type) }
func (e EnrollmentActivated) Subject() string       { return string(e.MemberID) }
func (e EnrollmentActivated) OccurredAt() time.Time { return e.ActivatedAt.Time() }
func (e EnrollmentActivated) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e EnrollmentActivated) Validate() error {
	if e.Type != TypeEnrollmentActivated {
		return unknownType()
	}
	return missing(text("enrollmentId", e.EnrollmentID), text("memberId", e.MemberID), text("planId", e.PlanID),
		text("coverageType", e.CoverageType))
}

// EnrollmentTerminated says that an enrolment ends.
// Topic enrollment.enrollment.terminated, key memberId.
type EnrollmentTerminated struct {
	Type              Type    `avro:"eventType" json:"eventType"`
	SchemaVersion     string  `avro:"schemaVersion" json:"schemaVersion"`
	EnrollmentID      ID      `avro:"enrollmentId" json:"enrollmentId"`
	MemberID          ID      `avro:"memberId" json:"memberId"`
	GroupID           *ID     `avro:"groupId" json:"groupId,omitempty"`
	PlanID            ID      `avro:"planId" json:"planId"`
	CoverageType      string  `avro:"coverageType" json:"coverageType"`
	TerminationDate   Date    `avro:"terminationDate" json:"terminationDate"` // last day
	TerminationReason *string `avro:"terminationReason" json:"terminationReason,omitempty"`
	TerminatedAt      Instant `avro:"terminatedAt" json:"terminatedAt"`
	APTCAmount        *Money  `avro:"aptcAmount" json:"aptcAmount,omitempty"`
}

func (e EnrollmentTerminated) EventType() string     { return string(e.Type) }
func (e EnrollmentTerminated) Subject() string       { return string(e.MemberID) }
func (e EnrollmentTerminated) OccurredAt() time.Time { return e.TerminatedAt.Time() }
func (e EnrollmentTerminated) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e EnrollmentTerminated) Validate() error {
	if e.Type != TypeEnrollmentTerminated {
		return unknownType()
	}
	return missing(text("enrollmentId", e.EnrollmentID), text("memberId", e.MemberID), text("planId", e.PlanID),
		text("coverageType", e.CoverageType))
}

// EnrollmentPlanChanged says that an enrolment moves to another plan; the day
// before EffectiveDate is the last under the previous one.
// Topic enrollment.enrollment.plan_changed, key memberId.
type EnrollmentPlanChanged struct {
	Type           Type    `avro:"eventType" json:"eventType"`
	SchemaVersion  string  `avro:"schemaVersion" json:"schemaVersion"`
	EnrollmentID   ID      `avro:"enrollmentId" json:"enrollmentId"`
	MemberID       ID      `avro:"memberId" json:"memberId"`
	GroupID        *ID     `avro:"groupId" json:"groupId,omitempty"`
	PlanID         ID      `avro:"planId" json:"planId"`
	PreviousPlanID ID      `avro:"previousPlanId" json:"previousPlanId"`
	CoverageType   string  `avro:"coverageType" json:"coverageType"`
	ChangeReason   *string `avro:"changeReason" json:"changeReason,omitempty"`
	EffectiveDate  Date    `avro:"effectiveDate" json:"effectiveDate"`
	TierCode       *string `avro:"tierCode" json:"tierCode,omitempty"`
	MemberPremium  *Money  `avro:"memberPremium" json:"memberPremium,omitempty"`
	TotalPremium   *Money  `avro:"totalPremium" json:"totalPremium,omitempty"`
	DependentCount *int    `avro:"dependentCount" json:"dependentCount,omitempty"`
	ChangedAt      Instant `avro:"changedAt" json:"changedAt"`
	APTCAmount     *Money  `avro:"aptcAmount" json:"aptcAmount,omitempty"`
}

func (e EnrollmentPlanChanged) EventType() string     { return string(e.Type) }
func (e EnrollmentPlanChanged) Subject() string       { return string(e.MemberID) }
func (e EnrollmentPlanChanged) OccurredAt() time.Time { return e.ChangedAt.Time() }
func (e EnrollmentPlanChanged) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first field that the event type requires and is absent.
func (e EnrollmentPlanChanged) Validate() error {
	if e.Type != TypeEnrollmentPlanChanged {
		return unknownType()
	}
	return missing(text("enrollmentId", e.EnrollmentID), text("memberId", e.MemberID), text("planId", e.PlanID),
		text("previousPlanId", e.PreviousPlanID), text("coverageType", e.CoverageType))
}
