package topologies

import (
	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

const gracePeriods = "grace-periods.v1-billing-consumer"

// MemberGraces carries what claims have to know about a member's grace periods.
var MemberGraces = own[tables.MemberGrace](gracePeriods, topology.Topic{Name: "pends", Partitions: highVolume, KeyField: "memberId",
	Consumers: []string{claimGrace}, Doc: "days of service for which grace periods say what becomes of claims"})

// GracePeriods folds a member's premiums into one row by memberId, and says
// what nobody said when a date passes. It reads what it says.
var GracePeriods = topology.Group[tables.GracePeriods]{
	Name: gracePeriods,
	Doc:  "which premiums are overdue, and the grace periods that follow",
	Rows: codecs.NewAvro[tables.GracePeriods](gracePeriods+"-table", rowBytes),
	Inputs: topology.Inputs[tables.GracePeriods]{
		topology.FoldWith(InvoiceGenerated, gracePolicies, processors.FoldInvoiceGenerated),
		topology.FoldWith(PaymentReceived, gracePolicies, processors.FoldPaymentReceived),
		topology.FoldWith(PaymentCompleted, gracePolicies, processors.FoldPaymentCompleted),
		topology.FoldWith(PaymentMissed, gracePolicies, processors.FoldPaymentMissed),
		topology.FoldWith(EnrollmentActivated, gracePolicies, processors.FoldEnrollmentActivated),
		topology.FoldWith(EnrollmentTerminated, gracePolicies, processors.FoldEnrollmentTerminated),
	},
	Outputs: []topology.StreamRef{PaymentMissed.Ref()},
	Follows: []topology.Follow[tables.GracePeriods]{
		topology.Follows(MemberGraces, func(_ string, row tables.GracePeriods) []tables.MemberGrace { return []tables.MemberGrace{row.Pends()} }),
	},
	Timer:  topology.Timer[tables.GracePeriods]{Due: tables.GracePeriods.Due, Wake: processors.WakeGrace},
	Pinned: true,
	View: topology.View{Name: "grace-periods", Key: "memberId", Doc: "Invoices, payments and grace periods of one member.",
		Classes: []string{tables.ClassPHI, tables.ClassPII, tables.ClassBank}},
}

func gracePolicies[E topology.Event](r topology.Reader, _ topology.Record[E]) processors.GracePolicies {
	return topology.Pin[processors.GracePolicies](r)
}
