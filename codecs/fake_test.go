package codecs_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

const canary = "canary-4711"

func some[T any](v T) *T { return &v }

// registry knows schemas by id; id asks for the current schema as number 1000.
type registry struct {
	texts map[int]string
	err   error // what every call fails with
	calls int
}

func (r *registry) ID(_, schema string) (int, error) {
	r.calls++
	if r.err != nil {
		return 0, r.err
	}
	if r.texts == nil {
		r.texts = map[int]string{}
	}
	r.texts[1000] = schema
	return 1000, nil
}

func (r *registry) Schema(id int) (string, error) {
	r.calls++
	if r.err != nil {
		return "", r.err
	}
	text, ok := r.texts[id]
	if !ok {
		return "", fmt.Errorf("schema %d is unknown", id)
	}
	return text, nil
}

// published is a version of a subject as it was registered.
func published(t testing.TB, subject string, version int) string {
	t.Helper()
	b, err := os.ReadFile(filesVersionPath(subject, version))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func bind[T any](t testing.TB, topic string, s topology.Schemas) topology.Serde[T] {
	t.Helper()
	serde, err := codecs.NewAvro[T](topic, 2<<20).Bind(s, topic)
	if err != nil {
		t.Fatal(err)
	}
	return serde
}

// wantFault fails unless err is a fault of the code that repeats no canary.
func wantFault(t testing.TB, what string, err error, codes ...string) {
	t.Helper()
	var f topology.Fault
	if !errors.As(err, &f) {
		t.Errorf("%s: error %v, want %v", what, err, codes)
		return
	}
	for _, code := range codes {
		if f.Code() == code {
			if f.Error() == "" || strings.Contains(f.Error(), canary) {
				t.Errorf("%s: says %q", what, f.Error())
			}
			return
		}
	}
	t.Errorf("%s: %s (%v), want %v", what, f.Code(), err, codes)
}

// allocated is how many bytes f allocates; it is for tests that run alone.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

var nine = events.InstantOf(time.Date(2026, 3, 10, 9, 0, 0, 250_000_000, time.UTC))

// The fixed values that the golden files were written from. They never change:
// a new version of a schema adds a value.
func wireSubmitted() events.ClaimSubmitted {
	return events.ClaimSubmitted{Type: events.TypeClaimSubmitted, SchemaVersion: "1.0", ClaimID: "claim-1", MemberID: "member-1", ProviderID: "provider-1",
		PlanID: "plan-1", ClaimType: "PROFESSIONAL", TotalBilledAmount: 25000, ServiceDate: 20517, SubmittedAt: nine, RequiresPriorAuth: true, PriorAuthID: some(events.ID("auth-1")),
		ServiceCode: some("99213")}
}

// wireSubmittedFirst is what a reader makes of the first version, which named no
// service.
func wireSubmittedFirst() events.ClaimSubmitted {
	e := wireSubmitted()
	e.ServiceCode = nil
	return e
}

func wireApproved() events.ClaimAdjudicated {
	return events.ClaimAdjudicated{Type: events.TypeClaimApproved, SchemaVersion: "1.0", ClaimID: "claim-1", MemberID: "member-1", ProviderID: "provider-1",
		AdjudicatedAt: nine, Status: some("APPROVED"), TotalBilledAmount: some(events.Money(25000)), AllowedAmount: some(events.Money(18000)),
		PaidAmount: some(events.Money(14400)), MemberResponsibility: some(events.Money(3600)), DeductibleApplied: some(events.Money(0)),
		CopayApplied: some(events.Money(3600)), CoinsuranceApplied: some(events.Money(0)), EOBS3Key: some(events.Text("eob/2026/03/claim-1.pdf"))}
}

func wireDenied() events.ClaimAdjudicated {
	return events.ClaimAdjudicated{Type: events.TypeClaimDenied, SchemaVersion: "1.0", ClaimID: "claim-1", MemberID: "member-1", ProviderID: "provider-1",
		AdjudicatedAt: nine, DenialReasonCode: some("CO-197"), DenialReasonText: some(events.Text("Precertification absent")), AppealDeadline: some(events.Date(20702))}
}

func wirePaid() events.ClaimPaid {
	return events.ClaimPaid{Type: events.TypeClaimPaid, SchemaVersion: "1.0", ClaimID: "claim-1", MemberID: "member-1", ProviderID: "provider-1", PaymentID: "payment-1",
		PaidAmount: -14405, PaidAt: nine, PaymentMethod: some("EFT"), RemittanceID: some(events.ID("remittance-1")), RecordedBy: events.RecordedByBilling}
}

// wirePaidFirst is what a reader makes of the first version, which did not say
// who recorded the payment.
func wirePaidFirst() events.ClaimPaid {
	e := wirePaid()
	e.RecordedBy = events.RecordedByUnknown
	return e
}

func wireAppeal() events.AppealResolved {
	return events.AppealResolved{Type: events.TypeAppealResolved, SchemaVersion: "1.0", AppealID: "appeal-1", ClaimID: "claim-1", MemberID: "member-1",
		ProviderID: "provider-1", Outcome: events.OutcomePartiallyOverturned, ResolvedAt: nine, Level: some("EXTERNAL"), ReasonCode: some("R1"),
		ReasonText: some(events.Text("In part")), AllowedAmount: some(events.Money(20000)), PaidAmount: some(events.Money(17000)), MemberResponsibility: some(events.Money(3000))}
}

func wireReconsideration() events.AppealUpdated {
	return events.AppealUpdated{Type: events.TypeReconsiderationDecided, SchemaVersion: "1.0", AppealID: "appeal-1", ClaimID: "claim-1", MemberID: "member-1",
		ProviderID: "provider-1", SourceSystem: "portal.v1", UpdatedAt: nine, Level: some("FIRST"), Text: some(events.Text("In part")),
		InformationDueDate: some(events.Date(20702)), Outcome: some(events.OutcomePartiallyOverturned), ReasonCode: some("R1")}
}

// wireRowFirst is what a reader makes of a row of the first version, which knew
// no reconsiderations.
func wireRowFirst() tables.ClaimStatus {
	return tables.ClaimStatus{
		ClaimID: "claim-1", MemberID: "member-1", ProviderID: "provider-1", PlanID: some(events.ID("plan-1")), Status: tables.ClaimPaid, StatusAt: nine,
		ClaimType: some("DENTAL"), ServiceDate: some(events.Date(20517)), Billed: some(events.Money(25000)), Allowed: some(events.Money(18000)),
		Payable: some(events.Money(14400)), GraceSpans: []tables.ClaimGraceSpan{}, Paid: some(events.Money(14400)), PaidProvisional: true, MemberResponsibility: some(events.Money(3600)),
		DenialCode: some("CO-197"), DenialText: some(events.Text("because")), AppealDeadline: some(events.Date(20702)), Appeals: []tables.ClaimAppeal{}, Marks: []string{"NO_SUBMISSION", "PAID_WITHOUT_APPROVAL"},
		History: []tables.ClaimFact{
			{ID: "e-1", Type: events.TypeClaimDenied, At: nine, MemberID: "member-1", ProviderID: "provider-1", DenialCode: some("CO-197"),
				DenialText: some(events.Text("because")), AppealDeadline: some(events.Date(20702))},
			{ID: "e-2", Type: events.TypeClaimPaid, At: nine + 1, MemberID: "member-1", ProviderID: "provider-1", PlanID: some(events.ID("plan-1")), ClaimType: some("DENTAL"),
				ServiceDate: some(events.Date(20517)), Billed: some(events.Money(25000)), Allowed: some(events.Money(18000)), Paid: some(events.Money(14400)),
				MemberResponsibility: some(events.Money(3600)), CostShare: some(events.Money(3600)), PaymentID: some(events.ID("payment-1")),
				RecordedBy: some(events.RecordedByClaims), AppealID: some(events.ID("appeal-1")), Outcome: some(events.OutcomeUpheld)},
		},
	}
}

// wireRowSecond knew reconsiderations, and nothing of X12 items, prior
// authorizations and grace periods.
func wireRowSecond() tables.ClaimStatus {
	r := wireRowFirst()
	due := some(events.Date(20720))
	r.AppealState, r.AppealOutcome = some(tables.AppealInfoRequested), some(events.OutcomeUpheld)
	r.Appeals = []tables.ClaimAppeal{{AppealID: "appeal-1", Level: some("FIRST"), State: tables.AppealInfoRequested, StateAt: nine + 3, FirstAt: nine + 2,
		SourceSystem: some("portal.v1"), Text: some(events.Text("the chart")), InformationDueDate: due, Outcome: some(events.OutcomeUpheld),
		Sources: []tables.AppealSource{{SourceSystem: "portal.v1", State: tables.AppealInfoRequested, StateAt: nine + 3, Text: some(events.Text("the chart")),
			InformationDueDate: due, Outcome: some(events.OutcomeUpheld)}}}}
	r.History = append(r.History, tables.ClaimFact{ID: "e-3", Type: events.TypeReconsiderationInfoRequested, At: nine + 3, MemberID: "member-1", ProviderID: "provider-1",
		SourceSystem: some("portal.v1"), Level: some("FIRST"), Text: some(events.Text("the chart")), InformationDueDate: due})
	return r
}

func wireRow() tables.ClaimStatus {
	r := wireRowSecond()
	r.PatientControlNumber, r.ServiceCode, r.RequiresPriorAuth = some(events.ID("account-1")), some("99213"), some(true)
	r.PriorAuthID, r.PriorAuthState, r.PriorAuth = some(events.ID("auth-1")), some(tables.AuthExpired), some(wireAuth())
	r.Grace, r.GraceSpans = some(tables.ClaimsPendable), []tables.ClaimGraceSpan{{From: 20500, To: 20520, Claims: tables.ClaimsPendable}}
	r.History = append(r.History, tables.ClaimFact{ID: "e-4", Type: events.TypeEDI835Generated, At: nine + 4, RequiresPriorAuth: some(false), PriorAuthID: some(events.ID("auth-1")),
		ServiceCode: some("99213"), EDITransactionID: some(events.ID("edi-1")), PatientControlNumber: some(events.ID("account-1")), ClaimStatusCode: some("22")})
	return r
}

func wireAuth() tables.PriorAuth {
	return tables.PriorAuth{PriorAuthID: "auth-1", Decisions: []tables.AuthDecision{
		{ID: "e-1", Type: events.TypePriorAuthApproved, At: nine, MemberID: "member-1", ProviderID: "provider-1", PlanID: "plan-1", ClaimID: some(events.ID("claim-1")),
			ServiceCode: some("99213"), ApprovedUnits: some(int32(3)), EffectiveDate: some(events.Date(20500)), ExpirationDate: some(events.Date(20510))},
		{ID: "e-2", Type: events.TypePriorAuthDenied, At: nine + 1, MemberID: "member-1", ProviderID: "provider-1", PlanID: "plan-1",
			DenialCode: some("CO-197"), DenialText: some(events.Text("because"))}}}
}

func wireListed() tables.ClaimByProvider {
	return tables.ClaimByProvider{ClaimEntry: tables.ClaimEntry{ClaimID: "claim-1", MemberID: "member-1", ProviderID: "provider-1", Status: tables.ClaimPaid, StatusAt: nine,
		ServiceDate: some(events.Date(20517)), ClaimType: some("DENTAL"), PatientControlNumber: some(events.ID("account-1")), Billed: some(events.Money(25000)),
		Payable: some(events.Money(14400)), Paid: some(events.Money(14400)), MemberResponsibility: some(events.Money(3600)), DenialCode: some("CO-197"),
		AppealState: some(tables.AppealDecided), AppealOutcome: some(events.OutcomeUpheld), PriorAuthState: some(tables.AuthExpired), Marked: true, LatestAt: nine + 1, Over: true}}
}

func wirePriorAuthApproved() events.PriorAuthDecided {
	return events.PriorAuthDecided{Type: events.TypePriorAuthApproved, SchemaVersion: "1.0", PriorAuthID: "auth-1", MemberID: "member-1", ProviderID: "provider-1", PlanID: "plan-1",
		DecidedAt: nine, ClaimID: some(events.ID("claim-1")), ServiceCode: some("99213"), ApprovedUnits: some(int32(3)), EffectiveDate: some(events.Date(20500)),
		ExpirationDate: some(events.Date(20510))}
}

func wirePriorAuthDenied() events.PriorAuthDecided {
	return events.PriorAuthDecided{Type: events.TypePriorAuthDenied, SchemaVersion: "1.0", PriorAuthID: "auth-1", MemberID: "member-1", ProviderID: "provider-1", PlanID: "plan-1",
		DecidedAt: nine, DenialReasonCode: some("CO-197"), DenialReasonText: some(events.Text("because"))}
}

func wire837() events.EDIInbound {
	return events.EDIInbound{Type: events.TypeEDI837Received, SchemaVersion: "1.0", EDITransactionID: "edi-1", TradingPartnerID: "partner-1", SenderID: some("SENDER"),
		ReceiverID: some("RECEIVER"), InterchangeControlNumber: "000000001", GroupControlNumber: "1", TransactionSetControlNumber: "0001", ImplementationGuide: some("005010X222A1"),
		UsageIndicator: "P", ReceivedAt: nine, ClaimID: some(events.ID("claim-1")), PatientControlNumber: some(events.ID("account-1")), MemberID: some(events.ID("member-1")),
		ProviderID: some(events.ID("provider-1")), EnrollmentID: some(events.ID("enrollment-1")), GroupID: some(events.ID("group-1")), MaintenanceTypeCode: some("021"),
		TraceNumber: some(events.ID("trace-1")), RawS3Key: some(events.Text("raw/1")), RawPayload: some(events.Text("ISA*00~"))}
}

func wire835() events.EDIOutbound {
	return events.EDIOutbound{Type: events.TypeEDI835Generated, SchemaVersion: "1.0", EDITransactionID: "edi-1", TradingPartnerID: "partner-1", SenderID: some("SENDER"),
		ReceiverID: some("RECEIVER"), InterchangeControlNumber: "000000001", GroupControlNumber: "1", TransactionSetControlNumber: "0001", ImplementationGuide: some("005010X221A1"),
		UsageIndicator: "P", GeneratedAt: nine, ClaimID: some(events.ID("claim-1")), PaymentID: some(events.ID("payment-1")), RemittanceID: some(events.ID("remittance-1")),
		ClaimStatusCode: some("22"), PaidAmount: some(events.Money(-14400)), MemberID: some(events.ID("member-1")), ProviderID: some(events.ID("provider-1")),
		EnrollmentID: some(events.ID("enrollment-1")), GroupID: some(events.ID("group-1")), MaintenanceTypeCode: some("021"), TraceNumber: some(events.ID("trace-1")),
		InReplyTo: some(events.ID("edi-0")), RawS3Key: some(events.Text("raw/1")), RawPayload: some(events.Text("ISA*00~"))}
}

func wireItem() events.ClaimEDI {
	return events.ClaimEDI{Type: events.TypeEDI835Generated, ClaimID: "claim-1", EDITransactionID: "edi-1", At: nine, MemberID: some(events.ID("member-1")),
		ProviderID: some(events.ID("provider-1")), PatientControlNumber: some(events.ID("account-1")), ClaimStatusCode: some("22"), PaymentID: some(events.ID("payment-1")),
		PaidAmount: some(events.Money(-14400))}
}

func wireDeadLetter() codecs.DeadLetter {
	return codecs.DeadLetter{
		Metadata: codecs.DLQMetadata{OriginalTopic: "claims.claim.paid", OriginalPartition: 5, OriginalOffset: 1 << 40, FailureReason: "the key is not UTF-8",
			ReasonCode: "INVALID_KEY", FailedAt: nine, ConsumerGroup: "claim-status.v1-claims-consumer", RetryCount: 3, EventID: some("e-1")},
		OriginalKey: []byte{0xff, 'k'}, OriginalPayload: []byte{0, 0, 0, 0, 1, 0xfe},
		OriginalHeaders: []codecs.DLQHeader{{Key: "ce_id", Value: []byte("e-1")}, {Key: "empty", Value: []byte{}}, {Key: "null"}, {Key: "ce_id", Value: []byte("e-2")}},
	}
}

const tableTopic = "claim-status.v1-claims-consumer-table"
