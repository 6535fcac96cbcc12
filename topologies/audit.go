package topologies

import (
	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

const complianceTeam = "Compliance"

// The topics of the audit: what doors and groups report, the same in chains,
// and the signed ends of these.
var (
	auditReceived = auditTopic("audit.received", normal, "acts and answers as doors and groups report them")
	auditChain    = auditTopic("audit.chain", normal, "the same, numbered, each tied to the one before by its hash")
	auditHead     = auditTopic("audit.head", 1, "signed ends of the chains, one a day")

	AuditReceived = stream[events.AuditReceived](auditReceived)
	AuditChain    = stream[events.AuditChained](auditChain)
	AuditHead     = stream[events.AuditSigned](auditHead)
)

// Audit ties what was reported into chains, one for each partition.
var Audit = topology.Group[tables.AuditHead]{
	Name:    "audit.v1-compliance-consumer",
	Doc:     "who did and saw what, in an order that nobody can change afterwards",
	Rows:    codecs.NewAvro[tables.AuditHead]("audit.v1-compliance-consumer-table", rowBytes),
	Inputs:  topology.Inputs[tables.AuditHead]{topology.Fold(AuditReceived, processors.ChainAudit).ByPartition()},
	Outputs: []topology.StreamRef{AuditChain.Ref(), AuditHead.Ref()},
	Timer:   topology.Timer[tables.AuditHead]{Due: tables.AuditHead.Due, Wake: processors.SignHead},
	Pinned:  true,
}

// auditTopic is kept for ever: six years and more are asked for (45 CFR
// 164.316(b)(2)(i)), and nothing in it is deleted here.
func auditTopic(name string, partitions int, doc string) topology.Topic {
	return topology.Topic{Name: name, Partitions: partitions, Compression: compression, MaxMessageBytes: mebibyte, Cleanup: topology.Delete,
		Owner: complianceTeam, Producers: []string{mediatorTeam}, Consumers: []string{complianceTeam}, Doc: doc}
}
