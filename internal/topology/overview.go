package topology

import (
	"slices"
	"strings"
)

// Overview draws what a reader wants to see first: one node for each group,
// with the views that it serves, and one for each domain of the catalogue.
// Groups that join or list the rows of others are drawn as what they are for,
// and what a group keeps for itself is left out.
func Overview(groups []Declared, catalogue []Topic) string {
	return mermaid("", func(nodes func(node), every func(arrow)) {
		o := overview{groups: byName(groups), domain: map[string]string{}}
		o.add, o.arrows = once(nodes, every)
		for _, t := range catalogue {
			o.domain[t.Name], _, _ = strings.Cut(t.Name, ".")
		}
		for _, g := range o.groups {
			if !g.Beside {
				o.draw(g)
			}
		}
	})
}

type overview struct {
	groups []Declared
	domain map[string]string // of a topic of the catalogue
	add    func(node) string
	arrows func(arrow)
}

func (o overview) draw(g Declared) {
	group := o.group(g)
	for _, in := range g.Inputs {
		if from := o.source(in); from != "" && from != group {
			o.arrows(arrow{from, group, "", false})
		}
	}
	for _, out := range g.Outputs {
		switch {
		case out.Routed:
			o.arrows(arrow{group, o.add(node{out.Topic.Name, out.Topic.Name + "…", isStream}), "by name", true})
		case out.Family != "":
			o.arrows(arrow{group, o.add(node{out.Family, out.Family, isStream}), "", false})
		case o.owner(out.Topic) == nil: // else its readers have an arrow from the owner
			o.arrows(arrow{group, o.stream(out.Topic), "", false})
		}
	}
	for _, told := range o.told(g) {
		o.arrows(arrow{group, o.group(told), "joined", false})
	}
}

// group is the node of a group: its name without version and consumer, and its views.
func (o overview) group(g Declared) string {
	short, _, _ := strings.Cut(g.Name, ".")
	label := "<b>" + short + "</b>"
	for _, view := range o.views(g) {
		label += "<br/>/v1/views/" + view
	}
	return o.add(node{g.Name, label, isGroup})
}

// views are those of the group's rows and of the lists of them.
func (o overview) views(g Declared) (names []string) {
	if g.View.Name != "" {
		names = append(names, g.View.Name)
	}
	for _, f := range g.Follows {
		if x := o.owner(f.Topic); x != nil && x.Beside && x.View.Name != "" {
			names = append(names, x.View.Name)
		}
	}
	return names
}

// told are the groups whose rows are joined with this one's.
func (o overview) told(g Declared) (out []Declared) {
	for _, f := range g.Follows {
		for _, join := range o.groups {
			if !join.Beside || f.Topic.Owner == join.Name || !reads(join, f.Topic.Name) {
				continue
			}
			for _, left := range o.groups {
				if reads(left, join.Outputs[0].Topic.Name) {
					out = append(out, left)
				}
			}
		}
	}
	return out
}

func reads(g Declared, topic string) bool {
	return slices.ContainsFunc(g.Inputs, func(in Declaration) bool { return in.Topic.Name == topic })
}

// source is the node that an input comes from, "" for one that is not drawn.
func (o overview) source(in Declaration) string {
	if in.Family != "" {
		return o.add(node{in.Family, in.Family, isStream})
	}
	owner := o.owner(in.Topic)
	switch {
	case owner == nil:
		return o.stream(in.Topic)
	case owner.Beside: // what a join tells
		return ""
	}
	return o.group(*owner)
}

// owner is the group whose own a topic is, nil for one that belongs to none.
func (o overview) owner(t Topic) *Declared {
	if i := slices.IndexFunc(o.groups, func(g Declared) bool { return g.Name == t.Owner }); i >= 0 {
		return &o.groups[i]
	}
	return nil
}

// stream is the node of a topic: of its domain, where the catalogue has it.
func (o overview) stream(t Topic) string {
	if domain, ok := o.domain[t.Name]; ok {
		return o.add(node{domain + " events", domain + " events", isStream})
	}
	return o.add(node{t.Name, t.Name, isStream})
}
