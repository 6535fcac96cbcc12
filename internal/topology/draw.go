package topology

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Mermaid draws the groups, in name order, so that the drawing is stable.
func Mermaid(groups []Declared) string { return mermaid(groups, true) }

// Overview is Mermaid without what groups keep for themselves: repartition
// topics, clocks, tables that nobody else reads, and the groups that join or
// list the rows of others: these are drawn as what they are for.
func Overview(groups []Declared) string { return mermaid(groups, false) }

func mermaid(groups []Declared, internals bool) string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	if internals {
		b.WriteString("  classDef internal stroke-dasharray: 3 3\n")
	}
	draw(groups, internals, func(n node) {
		fmt.Fprintf(&b, "  %s%s\n", id(n.name), mermaidShape(n))
	}, func(e arrow) {
		fmt.Fprintf(&b, "  %s %s %s\n", id(e.from), mermaidArrow(e), id(e.to))
	})
	return b.String()
}

// DOT draws the same graph for Graphviz.
func DOT(groups []Declared) string {
	var b strings.Builder
	b.WriteString("digraph topology {\n  rankdir=LR;\n")
	draw(groups, true, func(n node) {
		shape := map[kind]string{isStream: "cds", isRepartition: "cds", isTable: "cylinder", isGroup: "box", isView: "note"}[n.kind]
		fmt.Fprintf(&b, "  %q [shape=%s,label=%q];\n", n.name, shape, n.label)
	}, func(e arrow) {
		fmt.Fprintf(&b, "  %q -> %q [label=%q];\n", e.from, e.to, e.label)
	})
	b.WriteString("}\n")
	return b.String()
}

type kind int

const (
	isStream kind = iota
	isRepartition
	isTable
	isGroup
	isView
)

type node struct {
	name, label string
	kind        kind
}

type arrow struct {
	from, to, label string
	dotted          bool
}

func draw(groups []Declared, internals bool, nodes func(node), every func(arrow)) {
	seen := map[string]bool{}
	drawn := map[arrow]bool{}
	arrows := func(a arrow) {
		if !drawn[a] {
			drawn[a] = true
			every(a)
		}
	}
	add := func(n node) string {
		if !seen[n.name] {
			seen[n.name] = true
			nodes(n)
		}
		return n.name
	}
	stream := func(t Topic, k kind) string {
		return add(node{t.Name, fmt.Sprintf("%s · %d", t.Name, t.Partitions), k})
	}
	hidden := hiddenStreams(groups, internals)
	for _, g := range byName(groups) {
		if g.Beside && !internals {
			drawBeside(g, groups, add, arrows)
			continue
		}
		group := add(node{g.Name, g.Name, isGroup})
		for _, in := range g.Inputs {
			if hidden[in.Topic.Name] {
				continue
			}
			drawInput(in, group, internals, stream, add, arrows)
		}
		for _, j := range g.Joins {
			arrows(arrow{stream(j.Topic, isTable), group, "join", false})
		}
		for _, l := range g.Lookups {
			arrows(arrow{stream(l.Topic, isTable), group, "lookup", true})
		}
		for _, o := range g.Outputs {
			if o.Family != "" {
				arrows(arrow{group, add(node{o.Family, o.Family, isStream}), "", false})
				continue
			}
			if o.Routed {
				arrows(arrow{group, add(node{o.Topic.Name, o.Topic.Name + "…", isStream}), "by name", true})
				continue
			}
			arrows(arrow{group, stream(o.Topic, isStream), "", false})
		}
		for _, f := range g.Follows {
			if hidden[f.Topic.Name] {
				continue
			}
			arrows(arrow{group, stream(f.Topic, isStream), "follows", false})
		}
		if !internals {
			if g.View.Name != "" {
				arrows(arrow{group, add(node{"view " + g.View.Name, "GET /v1/views/" + g.View.Name, isView}), "rows", false})
			}
			continue
		}
		if g.Ticks.Name != "" {
			arrows(arrow{group, stream(g.Ticks, isRepartition), "clock", true})
		}
		arrows(arrow{group, stream(g.Table, isTable), "rows", false})
		if g.View.Name != "" {
			arrows(arrow{g.Table.Name, add(node{"view " + g.View.Name, "GET /v1/views/" + g.View.Name, isView}), "", false})
		}
	}
}

// hiddenStreams are those that groups beside others have with these.
func hiddenStreams(groups []Declared, internals bool) map[string]bool {
	read, shown := map[string]bool{}, map[string]bool{}
	for _, g := range groups {
		for _, in := range g.Inputs {
			if g.Beside {
				read[in.Topic.Name] = true
			} else {
				shown[in.Topic.Name] = true
			}
		}
	}
	for _, g := range groups {
		for _, o := range g.Outputs {
			if g.Beside {
				read[o.Topic.Name], shown[o.Topic.Name] = true, false
			}
		}
	}
	for topic := range read {
		read[topic] = !internals && !shown[topic]
	}
	return read
}

// drawBeside draws a join as an arrow from the group whose rows are told to the
// one that is told, and an index as the view that it serves.
func drawBeside(g Declared, groups []Declared, add func(node) string, arrows func(arrow)) {
	for _, follower := range byName(groups) {
		for _, f := range follower.Follows {
			switch in := slices.IndexFunc(g.Inputs, func(in Declaration) bool { return in.Topic.Name == f.Topic.Name }); {
			case in < 0:
			case g.View.Name != "":
				arrows(arrow{add(node{follower.Name, follower.Name, isGroup}), add(node{"view " + g.View.Name, "GET /v1/views/" + g.View.Name, isView}), "lists", false})
			case g.Inputs[in].Suffix == nil: // it has the values
				for _, told := range byName(groups) {
					if slices.ContainsFunc(told.Inputs, func(in Declaration) bool { return in.Topic.Name == g.Outputs[0].Topic.Name }) {
						arrows(arrow{add(node{follower.Name, follower.Name, isGroup}), add(node{told.Name, told.Name, isGroup}), "joined", false})
					}
				}
			}
		}
	}
}

func drawInput(in Declaration, group string, internals bool, stream func(Topic, kind) string, add func(node) string, arrows func(arrow)) {
	var src string
	if in.Family != "" {
		src = add(node{in.Family, in.Family, isStream})
	} else {
		src = stream(in.Topic, isStream)
	}
	if !internals {
		arrows(arrow{src, group, "", false})
		return
	}
	via := stream(in.Via, isRepartition)
	if in.Whole {
		arrows(arrow{src, via, "all", false})
	} else {
		arrows(arrow{src, group, "", false})
		arrows(arrow{src, via, "strays", true})
	}
	arrows(arrow{via, group, "", false})
}

func id(name string) string {
	return strings.NewReplacer(".", "_", "-", "_", " ", "_").Replace(name)
}

func mermaidShape(n node) string {
	switch n.kind {
	case isTable:
		return `[("` + n.label + `")]`
	case isGroup:
		return `["` + n.label + `"]`
	case isView:
		return `[/"` + n.label + `"/]`
	case isRepartition:
		return `>"` + strings.Replace(n.label, "-consumer-", "-consumer-<br/>", 1) + `"]:::internal`
	default:
		return `>"` + n.label + `"]`
	}
}

func mermaidArrow(e arrow) string {
	switch {
	case e.dotted:
		return "-. " + e.label + " .->"
	case e.label != "":
		return "-- " + e.label + " -->"
	default:
		return "-->"
	}
}

func byName(gs []Declared) []Declared {
	gs = append([]Declared(nil), gs...)
	sort.Slice(gs, func(i, j int) bool { return gs[i].Name < gs[j].Name })
	return gs
}
