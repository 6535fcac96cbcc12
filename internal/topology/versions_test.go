package topology

import (
	"strings"
	"testing"
)

func TestVersionsOfAViewAreChecked(t *testing.T) {
	in := Topic{Name: "in", Partitions: 3}
	old := Declared{Name: "view.v1", View: View{Name: "view"}, Table: tableTopic("view.v1", 3), Inputs: []Declaration{{Edge: Edge{Topic: in}}}}
	next := old
	next.Name, next.Table, next.Shadows = "view.v2", tableTopic("view.v2", 3), old.Name
	for name, c := range map[string]struct {
		change func(d *Declared)
		fault  string
	}{
		"as it should be":  {func(*Declared) {}, ""},
		"no word of it":    {func(d *Declared) { d.Shadows = "" }, "one of them has to say"},
		"of nobody":        {func(d *Declared) { d.Shadows = "view.v0" }, "which is not declared"},
		"another view":     {func(d *Declared) { d.View.Name = "other" }, "does not serve the same view"},
		"other partitions": {func(d *Declared) { d.Table.Partitions = 6 }, "with 3 partitions, has 6"},
		"a list of a row":  {func(d *Declared) { d.View.Lists = true }, "rows of another kind"},
		"of other classes": {func(d *Declared) { d.View.Classes = []string{"phi"} }, "audited"},
	} {
		t.Run(name, func(t *testing.T) {
			d := next
			c.change(&d)
			var faults []string
			for _, n := range Check([]Declared{old, d}, []Topic{in}) {
				if n.Fault {
					faults = append(faults, n.Text)
				}
			}
			all := strings.Join(faults, "; ")
			if (all == "") != (c.fault == "") || !strings.Contains(all, c.fault) {
				t.Errorf("faults %q, want %q", all, c.fault)
			}
		})
	}
}

func TestOwnTopicsAreThoseThatNobodyElseWritesTo(t *testing.T) {
	owned := func(name, owner string) StreamRef { return StreamRef{Topic: Topic{Name: name, Owner: owner}} }
	d := Declared{Name: "a", Outputs: []StreamRef{owned("loop", "a"), owned("mine", "list"), owned("shared", "join"), owned("out", "team")}}
	groups := []Declared{d, {Name: "list", Beside: true}, {Name: "join", Beside: true}, {Name: "b", Outputs: []StreamRef{owned("shared", "join")}}}
	own := OwnTopics(groups, d)
	if len(own) != 2 || !own["loop"] || !own["mine"] {
		t.Errorf("own: %v", own)
	}
}
