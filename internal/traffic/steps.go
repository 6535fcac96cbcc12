package traffic

import (
	"time"

	"payerflow/events"
)

func with(body map[string]any, more map[string]any) map[string]any {
	for k, v := range more {
		body[k] = v
	}
	return body
}

func (l *life) authorized(now time.Time) map[string]any {
	return with(l.base("PRIOR_AUTH_APPROVED", "decidedAt", now), map[string]any{
		"priorAuthId": l.auth, "planId": l.plan, "serviceCode": "27447", "approvedUnits": 1,
		"effectiveDate": now.AddDate(0, -1, 0).Format(time.DateOnly), "expirationDate": now.AddDate(0, 3, 0).Format(time.DateOnly)})
}

func (l *life) submitted(now time.Time) map[string]any {
	claimTypes := []string{"PROFESSIONAL", "INSTITUTIONAL", "DENTAL"}
	body := with(l.base("CLAIM_SUBMITTED", "submittedAt", now), map[string]any{
		"planId": l.plan, "claimType": claimTypes[l.rng.IntN(len(claimTypes))], "totalBilledAmount": l.billed.String(),
		"serviceDate": now.AddDate(0, 0, -1-l.rng.IntN(20)).Format(time.DateOnly), "requiresPriorAuth": l.auth != ""})
	if l.auth != "" {
		body["priorAuthId"] = l.auth
	}
	return body
}

func (l *life) approved(now time.Time) map[string]any {
	share := l.allowed - l.paid
	return with(l.base("CLAIM_APPROVED", "adjudicatedAt", now), map[string]any{
		"status": "APPROVED", "totalBilledAmount": l.billed.String(), "allowedAmount": l.allowed.String(), "paidAmount": l.paid.String(),
		"memberResponsibility": share.String(), "deductibleApplied": "0.00", "copayApplied": share.String(), "coinsuranceApplied": "0.00",
		"eobS3Key": "eob/" + now.Format("2006/01/") + l.claim + ".pdf"})
}

// Claim adjustment reason codes with the meaning that the code list gives them.
var denials = []struct{ code, text string }{
	{"CO-197", "Precertification, authorization or notification absent"},
	{"CO-50", "Not deemed a medical necessity by the payer"},
	{"CO-29", "The time limit for filing has expired"},
	{"CO-16", "The claim lacks information needed for adjudication"},
}

func (l *life) denied(now time.Time) map[string]any {
	d := denials[l.rng.IntN(len(denials))]
	return with(l.base("CLAIM_DENIED", "adjudicatedAt", now), map[string]any{
		"denialReasonCode": d.code, "denialReasonText": d.text, "appealDeadline": now.AddDate(0, 0, 180).Format(time.DateOnly)})
}

func (l *life) paidOut(now time.Time) map[string]any {
	return with(l.base("CLAIM_PAID", "paidAt", now), map[string]any{
		"paymentId": l.uuid("payment", l.number), "paidAmount": l.paid.String(), "paymentMethod": "EFT",
		"remittanceId": l.uuid("remittance", l.number/20), "recordedBy": events.RecordedByBilling})
}

func (l *life) appeal(outcome string, now time.Time) map[string]any {
	return with(l.base("APPEAL_RESOLVED", "resolvedAt", now), map[string]any{
		"appealId": l.uuid("appeal", l.number), "outcome": outcome, "level": "FIRST"})
}

func (l *life) overturned(now time.Time) map[string]any {
	return with(l.appeal(events.OutcomeOverturned, now), map[string]any{
		"allowedAmount": l.allowed.String(), "paidAmount": l.paid.String(), "memberResponsibility": (l.allowed - l.paid).String()})
}

func (l *life) upheld(now time.Time) map[string]any {
	return with(l.appeal(events.OutcomeUpheld, now), map[string]any{"reasonText": "The denial stands"})
}
