package topologies_test

import (
	"os"
	"strings"
	"testing"

	"payerflow/internal/topology"
	"payerflow/topologies"
)

const picture = "../testdata/topology.mmd"

// UPDATE=1 draws it anew.
func TestPicture(t *testing.T) {
	got := topology.Mermaid(topologies.All)
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(picture, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the picture is\n%s\nUPDATE=1 puts it into %s", got, picture)
	}
}

// Nodes are drawn by an id in which dots and hyphens are one: no two names may
// meet in it.
func TestPictureHasANodeForEachName(t *testing.T) {
	ids := map[string]string{}
	for _, topic := range topologies.Topics() {
		id := strings.NewReplacer(".", "_", "-", "_").Replace(topic.Name)
		if other, ok := ids[id]; ok {
			t.Errorf("%s and %s are one node", other, topic.Name)
		}
		ids[id] = topic.Name
	}
}

func TestGroupsHaveNoFaults(t *testing.T) {
	notes := topology.Check(topologies.All, topologies.Shared())
	for _, n := range notes {
		if n.Fault {
			t.Errorf("group %s %s", n.Group, n.Text)
		}
	}
	inputs := 0
	for _, g := range topologies.All {
		inputs += len(g.Inputs)
	}
	if len(notes) != inputs {
		t.Errorf("%d notes for %d inputs: %v", len(notes), inputs, notes)
	}
}

// Views are named once each: the name is a path of the API.
func TestViewsHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]string{}
	for _, g := range topologies.All {
		if g.View.Name == "" {
			continue
		}
		if other, ok := seen[g.View.Name]; ok || g.View.Key == "" || g.View.Doc == "" {
			t.Errorf("view %s of %s (also %s): key %q, doc %q", g.View.Name, g.Name, other, g.View.Key, g.View.Doc)
		}
		seen[g.View.Name] = g.Name
	}
}

// TestViewsSayWhatTheyHold holds every view to naming the classes of its rows:
// an answer of one that names any is audited.
func TestViewsSayWhatTheyHold(t *testing.T) {
	for _, g := range topologies.All {
		if g.View.Name != "" && g.View.Classes == nil {
			t.Errorf("view %s does not say which classes its rows hold: name them, or topology.NoClasses", g.View.Name)
		}
	}
}
