package topology

import (
	"fmt"
	"sort"
	"strings"
)

// Mermaid draws the groups, in name order, so that the drawing is stable.
func Mermaid(groups []Declared) string {
	return mermaid("  classDef internal stroke-dasharray: 3 3\n", func(nodes func(node), arrows func(arrow)) { draw(groups, nodes, arrows) })
}

func mermaid(head string, draw func(nodes func(node), arrows func(arrow))) string {
	var b strings.Builder
	b.WriteString("flowchart LR\n" + head)
	draw(func(n node) {
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
	draw(groups, func(n node) {
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

// once draws each node and each arrow once.
func once(nodes func(node), every func(arrow)) (add func(node) string, arrows func(arrow)) {
	seen, drawn := map[string]bool{}, map[arrow]bool{}
	return func(n node) string {
			if !seen[n.name] {
				seen[n.name] = true
				nodes(n)
			}
			return n.name
		}, func(a arrow) {
			if !drawn[a] {
				drawn[a] = true
				every(a)
			}
		}
}

func draw(groups []Declared, nodes func(node), every func(arrow)) {
	add, arrows := once(nodes, every)
	stream := func(t Topic, k kind) string {
		return add(node{t.Name, fmt.Sprintf("%s · %d", t.Name, t.Partitions), k})
	}
	for _, g := range byName(groups) {
		group := add(node{g.Name, g.Name, isGroup})
		for _, in := range g.Inputs {
			drawInput(in, group, stream, add, arrows)
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
			arrows(arrow{group, stream(f.Topic, isStream), "follows", false})
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

func drawInput(in Declaration, group string, stream func(Topic, kind) string, add func(node) string, arrows func(arrow)) {
	var src string
	if in.Family != "" {
		src = add(node{in.Family, in.Family, isStream})
	} else {
		src = stream(in.Topic, isStream)
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
