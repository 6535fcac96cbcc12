package topology_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"payerflow/internal/topology"
)

func drawn() []topology.Declared {
	reader := groupOf("c")
	reader.Joins = []topology.TableRef{groupOf("a").TableOf().Ref()}
	reader.Lookups = []topology.TableRef{groupOf("b").TableOf().Ref()}
	reader.Inputs = append(reader.Inputs, topology.Fold(streamOf[followed]("a.out", 6), tallyFollowed))
	wide := groupOf("d")
	wide.Inputs = append(wide.Inputs, topology.Fold(streamOf[followed]("b.out", 12), tallyFollowed))
	return []topology.Declared{groupOf("a").Declare(), groupOf("b").Declare(), reader.Declare(), wide.Declare()}
}

func TestDrawingsDoNotDependOnTheOrderOfGroups(t *testing.T) {
	groups := drawn()
	mermaid, dot := topology.Mermaid(groups), topology.DOT(groups)
	random := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		random.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
		first := groups[0].Name
		if got := topology.Mermaid(groups); got != mermaid {
			t.Fatalf("mermaid differs with %s in front:\n%s", first, got)
		}
		if got := topology.DOT(groups); got != dot {
			t.Fatalf("DOT differs with %s in front:\n%s", first, got)
		}
		if groups[0].Name != first {
			t.Fatal("drawing reordered the caller's groups")
		}
	}
}

func TestMermaidShowsEveryEdge(t *testing.T) {
	got := topology.Mermaid(drawn())
	for _, line := range []string{
		`a["a"]`, `a_in>"a.in · 6"]`, `a_a_in_repartition>"a-a.in-repartition · 6"]:::internal`, `a_table[("a-table · 6")]`, `view_a[/"GET /v1/views/a"/]`,
		`a_in --> a`, `a_in -. strays .-> a_a_in_repartition`, `a_a_in_repartition --> a`, `a --> a_out`, `a -- rows --> a_table`, `a_table --> view_a`,
		`a_table -- join --> c`, `b_table -. lookup .-> c`, `a_out --> c`, `d_in -- all --> d_d_in_repartition`,
	} {
		if !strings.Contains(got, "  "+line+"\n") {
			t.Errorf("no line %q in\n%s", line, got)
		}
	}
	nodes := map[string]bool{}
	for _, line := range strings.Split(got, "\n") {
		if strings.Contains(line, "-->") || strings.Contains(line, ".->") || !strings.HasPrefix(line, "  ") {
			continue
		}
		if nodes[line] {
			t.Errorf("drawn twice: %s", line)
		}
		nodes[line] = true
	}
}

func TestDOTNamesEveryNodeOfItsEdges(t *testing.T) {
	got := topology.DOT(drawn())
	if !strings.HasPrefix(got, "digraph topology {\n") || !strings.HasSuffix(got, "}\n") {
		t.Fatalf("no graph: %s", got)
	}
	edges := 0
	for _, line := range strings.Split(got, "\n") {
		from, to, ok := strings.Cut(strings.TrimSpace(line), " -> ")
		if !ok {
			continue
		}
		edges++
		to, _, _ = strings.Cut(to, " [")
		for _, node := range []string{from, to} {
			if !strings.Contains(got, "  "+node+" [shape=") {
				t.Errorf("%s has no node", node)
			}
		}
	}
	if edges != strings.Count(topology.Mermaid(drawn()), "->") {
		t.Errorf("%d edges", edges)
	}
}
