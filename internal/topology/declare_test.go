package topology_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"payerflow/internal/topology"
)

func TestDeclareWorksOutTopics(t *testing.T) {
	g := groupOf("g")
	g.Inputs = append(g.Inputs, topology.Fold(streamOf[followed]("more", 12), tallyFollowed))
	d := g.Declare()
	if d.Table.Name != "g-table" || d.Table.Partitions != 12 || d.Table.Cleanup != topology.Compact || d.Table.Retention != 0 {
		t.Errorf("table %+v", d.Table)
	}
	if own := g.TableOf().Topic; fmt.Sprint(own) != fmt.Sprint(d.Table) {
		t.Errorf("TableOf says %+v, Declare %+v", own, d.Table)
	}
	for i, want := range []struct {
		via   string
		whole bool
	}{{"g-g.in-repartition", true}, {"g-more-repartition", false}} {
		in := d.Inputs[i]
		if in.Via.Name != want.via || in.Whole != want.whole || in.Via.Partitions != 12 || in.Via.Retention != in.Topic.Retention ||
			in.Via.MaxMessageBytes != 2*in.Topic.MaxMessageBytes || in.Via.KeyField != in.Topic.KeyField {
			t.Errorf("input %d: %+v", i, in)
		}
	}
	var names []string
	for _, topic := range d.Topics() {
		names = append(names, topic.Name)
	}
	if got := strings.Join(names, " "); got != "g-table g-g.in-repartition g-more-repartition" {
		t.Errorf("topics %s", got)
	}
}

func TestDLQ(t *testing.T) {
	src := topicOf("a.b.c", 12)
	dlq := src.DLQ()
	if dlq.Name != "a.b.c.dlq" || dlq.Partitions != 12 || dlq.Retention != 720*time.Hour || dlq.MaxMessageBytes != 2000 ||
		dlq.Cleanup != topology.Delete || dlq.Subject() != "a.b.c.dlq-value" {
		t.Errorf("%+v", dlq)
	}
}

func TestDeclarePanicsWithTheGroupsName(t *testing.T) {
	input := func(name string) topology.Input[tally] {
		return topology.Fold(streamOf[happened](name, 6), tallyHappened)
	}
	for name, c := range map[string]struct {
		change func(*topology.Group[tally])
		says   string
	}{
		"no name":        {func(g *topology.Group[tally]) { g.Name = "" }, "needs a name"},
		"no inputs":      {func(g *topology.Group[tally]) { g.Inputs = nil }, "at least one input"},
		"an input twice": {func(g *topology.Group[tally]) { g.Inputs = append(g.Inputs, input("g.in")) }, "folds g.in twice"},
		"a join with other partitions": {func(g *topology.Group[tally]) {
			other := groupOf("other")
			other.Inputs = topology.Inputs[tally]{topology.Fold(streamOf[happened]("wide", 12), tallyHappened)}
			g.Joins = []topology.TableRef{other.TableOf().Ref()}
		}, "joins other-table with 12 partitions, has 6 itself"},
		"two streams for one type": {func(g *topology.Group[tally]) {
			g.Outputs = append(g.Outputs, streamOf[followed]("second", 6).Ref())
		}, "declares both g.out and second"},
	} {
		t.Run(name, func(t *testing.T) {
			g := groupOf("g")
			c.change(&g)
			defer func() {
				got := fmt.Sprint(recover())
				if !strings.HasPrefix(got, "group "+g.Name+": ") || !strings.Contains(got, c.says) {
					t.Errorf("panic says %q, want %q", got, c.says)
				}
			}()
			g.Declare()
		})
	}
}

func TestDeclareTakesAJoinWithTheSamePartitions(t *testing.T) {
	g := groupOf("g")
	g.Joins = []topology.TableRef{groupOf("other").TableOf().Ref()}
	if d := g.Declare(); len(d.Joins) != 1 {
		t.Errorf("joins %v", d.Joins)
	}
}

func TestRoute(t *testing.T) {
	d := groupOf("g").Declare()
	if to, err := d.Route(topology.Output{Value: followed{}}); err != nil || to.Topic.Name != "g.out" {
		t.Errorf("%v, %v", to.Topic.Name, err)
	}
	if _, err := d.Route(topology.Output{Value: happened{Key: "canary"}}); err == nil || !strings.Contains(err.Error(), "group g emits") || strings.Contains(err.Error(), "canary") {
		t.Errorf("error %v", err)
	}
}

func TestCheck(t *testing.T) {
	catalogue := []topology.Topic{topicOf("g.in", 6), topicOf("g.out", 6), topicOf("wide", 12)}
	for name, c := range map[string]struct {
		change func(*topology.Group[tally])
		fault  string
	}{
		"nothing": {func(*topology.Group[tally]) {}, ""},
		"an unknown input": {func(g *topology.Group[tally]) {
			g.Inputs = append(g.Inputs, topology.Fold(streamOf[followed]("unknown", 6), tallyFollowed))
		}, "folds unknown, which the catalogue does not have"},
		"an unknown output": {func(g *topology.Group[tally]) {
			g.Outputs = []topology.StreamRef{streamOf[followed]("nowhere", 6).Ref()}
		}, "emits to nowhere, which the catalogue does not have"},
		"an unknown join": {func(g *topology.Group[tally]) {
			g.Joins = []topology.TableRef{groupOf("other").TableOf().Ref()}
		}, "reads other-table, which no group keeps"},
		"an unknown lookup": {func(g *topology.Group[tally]) {
			g.Lookups = []topology.TableRef{groupOf("other").TableOf().Ref()}
		}, "reads other-table, which no group keeps"},
		"a long name": {func(g *topology.Group[tally]) { g.Name = strings.Repeat("g", 245) }, "is longer than 249 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			g := groupOf("g")
			c.change(&g)
			var faults []string
			for _, n := range topology.Check([]topology.Declared{g.Declare()}, catalogue) {
				if n.Group != g.Name {
					t.Errorf("note of %q", n.Group)
				}
				if n.Fault {
					faults = append(faults, n.Text)
				}
			}
			got := strings.Join(faults, "\n")
			if (c.fault == "") != (got == "") || !strings.Contains(got, c.fault) {
				t.Errorf("faults %q, want %q", got, c.fault)
			}
		})
	}
}

func TestCheckSaysWhatIsRepartitioned(t *testing.T) {
	g := groupOf("g")
	g.Inputs = append(g.Inputs, topology.Fold(streamOf[followed]("wide", 12), tallyFollowed))
	var got []string
	for _, n := range topology.Check([]topology.Declared{g.Declare()}, []topology.Topic{topicOf("g.in", 6), topicOf("g.out", 6), topicOf("wide", 12)}) {
		got = append(got, n.Text)
	}
	want := "g.in has 6 partitions, the group 12: all records go through g-g.in-repartition|" +
		"wide is folded in place; records that murmur2 puts elsewhere go through g-wide-repartition"
	if strings.Join(got, "|") != want {
		t.Errorf("notes %q", got)
	}
}

func TestCheckSeesAGroupDeclaredTwice(t *testing.T) {
	d := groupOf("g").Declare()
	for _, n := range topology.Check([]topology.Declared{d, d}, []topology.Topic{topicOf("g.in", 6), topicOf("g.out", 6)}) {
		if n.Fault && n.Text == "is declared twice" {
			return
		}
	}
	t.Error("no fault")
}

func TestLegalNewName(t *testing.T) {
	for name, want := range map[string]bool{
		"claims.appeal.updated": true, "a": true, "a-b.c1": true, "careplan.bookings": true,
		"": false, "claims.prior_auth.decision": false, "Claims.x": false, "a..b": false, ".a": false, "a.": false, "a-": false, "a b": false, "ä": false,
		strings.Repeat("a", 249): true, strings.Repeat("a", 250): false,
	} {
		if got := topology.LegalNewName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
