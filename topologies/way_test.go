package topologies_test

import (
	"slices"
	"testing"

	"payerflow/internal/topology"
	"payerflow/topologies"
)

// TestTheWayOfAnEvent: what is published comes to claim-status through the
// router, the domain topics and their repartitions, each step behind those that
// write what it reads; and not through groups of which nothing comes back.
func TestTheWayOfAnEvent(t *testing.T) {
	firehose := topologies.Firehose.Topic.Name
	way := topology.WayTo(topologies.All, topologies.ClaimStatus.Name, []string{firehose})
	var written []string
	for i, s := range way.Steps {
		if s.Topic != firehose && !slices.Contains(written, s.Topic) {
			t.Errorf("step %d reads %s before anything has come to it", i, s.Topic)
		}
		if s.Topic == firehose && s.Group != topologies.Router.Name {
			t.Errorf("%s is on the way", s.Group)
		}
		written = append(written, s.Writes...)
	}
	paid := topologies.ClaimPaid.Topic
	if !slices.ContainsFunc(way.Steps, func(s topology.Step) bool {
		return s.Group == topology.FeedingGroup(topologies.ClaimStatus.Name, paid.Partitions) && s.Topic == paid.Name
	}) {
		t.Error("payments are not repartitioned on the way")
	}
	if !slices.Contains(way.Inputs, topologies.ClaimSubmitted.Topic.Name) {
		t.Error("the way does not end in the view's inputs")
	}
	if slices.Contains(written, firehose) {
		t.Error("the way comes back to where it began")
	}
	steps := 0
	for _, batch := range way.Batches() {
		var here []string
		for _, s := range batch {
			if slices.Contains(here, s.Topic) {
				t.Errorf("%s is waited for together with what writes it", s.Topic)
			}
			here = append(here, s.Writes...)
			steps++
		}
	}
	if steps != len(way.Steps) {
		t.Errorf("%d of %d steps in batches", steps, len(way.Steps))
	}
	if lost := topology.WayTo(topologies.All, topologies.ClaimStatus.Name, []string{"audit.received"}); len(lost.Steps) > 0 || len(lost.Inputs) > 0 {
		t.Error("there is a way from a topic of which nothing comes")
	}
}
