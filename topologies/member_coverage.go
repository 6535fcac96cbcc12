package topologies

import (
	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

const memberCoverage = "member-coverage.v1-eligibility-consumer"

// coverageTold is what member-coverage tells those who hang on a member.
var coverageTold = told[tables.ToldCoverage](memberCoverage)

// MemberCoverage folds what Eligibility and Enrollment say of a member's
// coverage into one row by memberId.
var MemberCoverage = topology.Group[tables.MemberCoverage]{
	Name: memberCoverage,
	Doc:  "by which plans a member is covered, for what, and when",
	Rows: codecs.NewAvro[tables.MemberCoverage](memberCoverage+"-table", rowBytes),
	Inputs: topology.Inputs[tables.MemberCoverage]{
		topology.Fold(CoverageVerified, processors.FoldCoverageVerified),
		topology.Fold(CoverageTerminated, processors.FoldCoverageTerminated),
		topology.Fold(EnrollmentActivated, processors.FoldCoverageEnrolled),
		topology.Fold(EnrollmentTerminated, processors.FoldCoverageDisenrolled),
		topology.Fold(EnrollmentPlanChanged, processors.FoldCoverageMoved),
	},
	Follows: []topology.Follow[tables.MemberCoverage]{topology.Follows(coverageTold, processors.TellCoverage)},
	View: topology.View{Name: "member-coverage", Key: "memberId", Doc: "Plans and days of one member's coverage.",
		Classes: []string{tables.ClassPHI}},
}

// told is the stream of what a group's rows tell those who hang on them.
func told[V topology.Entry[V]](group string) topology.Stream[V] {
	return own[V](group, topology.Topic{Name: "told", Partitions: normal, Doc: "what follows from rows of " + group})
}
