package topology_test

import (
	"strings"
	"testing"

	"payerflow/internal/topology"
)

// TestTheGraphIsTheDrawing: the graph has a node and an edge for each that is
// drawn, and no edge leads to what is not there.
func TestTheGraphIsTheDrawing(t *testing.T) {
	groups := drawn()
	g := topology.GraphOf(groups)
	arrows := strings.Count(topology.DOT(groups), " -> ")
	if len(g.Edges) != arrows || arrows == 0 {
		t.Errorf("%d edges, %d arrows", len(g.Edges), arrows)
	}
	there := map[string]string{}
	for _, n := range g.Nodes {
		if there[n.Name] != "" {
			t.Errorf("%s is there twice", n.Name)
		}
		there[n.Name] = n.Kind
		if n.Kind == "table" && n.Partitions == 0 {
			t.Errorf("%s has no partitions", n.Name)
		}
	}
	for _, e := range g.Edges {
		if there[e.From] == "" || there[e.To] == "" {
			t.Errorf("%s -> %s leads nowhere", e.From, e.To)
		}
	}
	if there["c"] != "group" && there[groups[2].Name] != "group" {
		t.Errorf("kinds: %v", there)
	}
}
