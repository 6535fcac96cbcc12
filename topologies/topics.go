// Package topologies answers: which streams exist, which groups fold them into
// which tables, and which views people query. This folder is the picture.
package topologies

import (
	"time"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
)

// Services that produce and consume, as the event catalogue names them.
const (
	claimsService      = "Claims Service"
	billingService     = "Billing Service"
	eligibilityService = "Eligibility Service"
	enrollmentService  = "Enrollment Service"
	providerService    = "Provider Service"
	notifications      = "Notifications Service"
	edi                = "EDI (Mirth Connect)"
	openSearch         = "OpenSearch"
	scheduleService    = "Provider Schedule Service"
	carePlanService    = "Care Plan Service"
	insuranceProcessor = "Insurance Processor"
	onsiteService      = "On-site Service"
)

// What the catalogue gives every topic unless it says otherwise.
const (
	mebibyte    = 1 << 20
	rowBytes    = 2*mebibyte - 64<<10 // a table's limit, less room for key, headers and batch
	day         = 24 * time.Hour
	normal      = 6  // partitions
	highVolume  = 12 // partitions
	aWeek       = 7 * day
	twoWeeks    = 14 * day
	ediArchive  = 30 * day
	compression = "lz4"
)

// The catalogue of domain topics, domain by domain. Names are wire names.
var (
	claimSubmitted   = topic("claims.claim.submitted", highVolume, twoWeeks, "claimId", claimsService, to(billingService, notifications), "CLAIM_SUBMITTED")
	claimAdjudicated = topic("claims.claim.adjudicated", highVolume, twoWeeks, "claimId", claimsService, to(billingService, notifications, edi), "CLAIM_APPROVED", "CLAIM_DENIED")
	claimPaid        = mirrored(topic("claims.claim.paid", normal, aWeek, "claimId", billingService, to(notifications, openSearch), "CLAIM_PAID"), claimsService)
	priorAuthDecided = topic("claims.prior_auth.decision", normal, aWeek, "priorAuthId", claimsService, to(notifications, eligibilityService), "PRIOR_AUTH_APPROVED", "PRIOR_AUTH_DENIED")
	appealResolved   = topic("claims.appeal.resolved", normal, aWeek, "claimId", claimsService, to(notifications, billingService), "APPEAL_RESOLVED")
	appealUpdated    = topic("claims.appeal.updated", normal, aWeek, "claimId", claimsService, to(notifications),
		"RECONSIDERATION_RECEIVED", "RECONSIDERATION_IN_REVIEW", "RECONSIDERATION_INFO_REQUESTED", "RECONSIDERATION_DECIDED")

	coverageVerified   = topic("eligibility.coverage.verified", normal, aWeek, "memberId", eligibilityService, to(claimsService), "COVERAGE_VERIFIED", "COVERAGE_NOT_FOUND")
	coverageTerminated = topic("eligibility.coverage.terminated", normal, aWeek, "memberId", eligibilityService, to(claimsService, notifications), "COVERAGE_TERMINATED")

	enrollmentSubmitted   = topic("enrollment.enrollment.submitted", normal, aWeek, "memberId", enrollmentService, to(eligibilityService, billingService, notifications), "ENROLLMENT_SUBMITTED")
	enrollmentActivated   = topic("enrollment.enrollment.activated", normal, aWeek, "memberId", enrollmentService, to(eligibilityService, billingService, notifications), "ENROLLMENT_ACTIVATED")
	enrollmentTerminated  = topic("enrollment.enrollment.terminated", normal, aWeek, "memberId", enrollmentService, to(eligibilityService, billingService, notifications), "ENROLLMENT_TERMINATED")
	enrollmentPlanChanged = topic("enrollment.enrollment.plan_changed", normal, aWeek, "memberId", enrollmentService, to(eligibilityService, billingService, notifications), "ENROLLMENT_PLAN_CHANGED")
	cobraNoticeSent       = topic("enrollment.cobra.notice_sent", normal, aWeek, "memberId", enrollmentService, to(notifications), "COBRA_NOTICE_SENT")
	cobraElected          = topic("enrollment.cobra.elected", normal, aWeek, "memberId", enrollmentService, to(eligibilityService, billingService, notifications), "COBRA_ELECTED")

	invoiceGenerated = topic("billing.invoice.generated", highVolume, twoWeeks, "memberId", billingService, to(notifications), "INVOICE_GENERATED")
	paymentReceived  = topic("billing.payment.received", normal, aWeek, "memberId", billingService, to(enrollmentService, notifications), "PAYMENT_RECEIVED")
	paymentMissed    = topic("billing.payment.missed", normal, aWeek, "memberId", billingService, to(enrollmentService, notifications),
		"PAYMENT_MISSED", "GRACE_PERIOD_STARTED", "GRACE_PERIOD_EXPIRED", "PAYMENT_MISSED_RETRACTED", "GRACE_PERIOD_STARTED_RETRACTED", "GRACE_PERIOD_EXPIRED_RETRACTED")
	paymentCompleted = topic("billing.payment.completed", normal, aWeek, "memberId", billingService, to(claimsService, notifications), "PAYMENT_COMPLETED")

	credentialingChanged = topic("provider.credentialing.status_changed", normal, aWeek, "providerId", providerService, to(claimsService, eligibilityService, notifications),
		"CREDENTIALING_APPROVED", "CREDENTIALING_DENIED", "CREDENTIALING_EXPIRED", "CREDENTIALING_SUSPENDED")
	networkUpdated = topic("provider.network.updated", normal, aWeek, "providerId", providerService, to(claimsService, eligibilityService), "NETWORK_UPDATED")

	ediInbound = large(topic("edi.inbound.received", normal, ediArchive, "ediTransactionId", edi, to(claimsService, enrollmentService, eligibilityService),
		"EDI_837_RECEIVED", "EDI_834_RECEIVED", "EDI_270_RECEIVED"))
	ediOutbound = large(topic("edi.outbound.generated", normal, ediArchive, "ediTransactionId", edi, to(openSearch),
		"EDI_835_GENERATED", "EDI_834_GENERATED", "EDI_271_GENERATED"))
)

// Catalogue is every domain topic, in the catalogue's order.
var Catalogue = []topology.Topic{
	claimSubmitted, claimAdjudicated, claimPaid, priorAuthDecided, appealResolved, appealUpdated,
	coverageVerified, coverageTerminated,
	enrollmentSubmitted, enrollmentActivated, enrollmentTerminated, enrollmentPlanChanged, cobraNoticeSent, cobraElected,
	invoiceGenerated, paymentReceived, paymentMissed, paymentCompleted,
	credentialingChanged, networkUpdated,
	ediInbound, ediOutbound,
	providerProfile, availability, slotRequests, slotReplies, patientProfile, bookingRequested, bookings, bookingsCovered, bookingsOnsite,
}

// Streams that groups fold, with the Go type of their events.
var (
	ClaimSubmitted   = stream[events.ClaimSubmitted](claimSubmitted)
	ClaimAdjudicated = stream[events.ClaimAdjudicated](claimAdjudicated)
	ClaimPaid        = stream[events.ClaimPaid](claimPaid)
	AppealResolved   = stream[events.AppealResolved](appealResolved)
	AppealUpdated    = stream[events.AppealUpdated](appealUpdated)
	PriorAuthDecided = stream[events.PriorAuthDecided](priorAuthDecided)
	EDIInbound       = stream[events.EDIInbound](ediInbound)
	EDIOutbound      = stream[events.EDIOutbound](ediOutbound)

	CoverageVerified   = stream[events.CoverageVerified](coverageVerified)
	CoverageTerminated = stream[events.CoverageTerminated](coverageTerminated)

	EnrollmentActivated   = stream[events.EnrollmentActivated](enrollmentActivated)
	EnrollmentTerminated  = stream[events.EnrollmentTerminated](enrollmentTerminated)
	EnrollmentPlanChanged = stream[events.EnrollmentPlanChanged](enrollmentPlanChanged)

	InvoiceGenerated = stream[events.InvoiceGenerated](invoiceGenerated)
	PaymentReceived  = stream[events.PaymentReceived](paymentReceived)
	PaymentCompleted = stream[events.PaymentCompleted](paymentCompleted)
	PaymentMissed    = stream[events.PaymentMissed](paymentMissed)

	CredentialingChanged = stream[events.CredentialingChanged](credentialingChanged)
	NetworkUpdated       = stream[events.NetworkUpdated](networkUpdated)
)

func topic(name string, partitions int, retention time.Duration, keyField, producer string, consumers []string, eventTypes ...string) topology.Topic {
	return topology.Topic{
		Name: name, Partitions: partitions, Retention: retention, Compression: compression, MaxMessageBytes: mebibyte,
		Cleanup: topology.Delete, KeyField: keyField, EventTypes: eventTypes,
		Producers: []string{producer}, Consumers: consumers, Owner: producer,
	}
}

// mirrored adds a second producer, whose records are an audit mirror.
func mirrored(t topology.Topic, by string) topology.Topic {
	t.Producers = append(t.Producers, by)
	return t
}

// large makes room for raw EDI payloads.
func large(t topology.Topic) topology.Topic {
	t.MaxMessageBytes = 10 * mebibyte
	return t
}

func to(services ...string) []string { return services }

func stream[E topology.Event](t topology.Topic) topology.Stream[E] {
	return topology.Stream[E]{Topic: t, Codec: codecs.NewAvro[E](t.Name, t.MaxMessageBytes)}
}
