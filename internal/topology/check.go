package topology

import (
	"fmt"
	"regexp"
)

var legalName = regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*$`)

// maxNameBytes is Kafka's limit on topic names.
const maxNameBytes = 249

// Note is something that Check says about a topology.
type Note struct {
	Group string
	Fault bool // false: for information
	Text  string
}

// Check returns what is wrong with the groups together, and which inputs are
// repartitioned and why.
func Check(groups []Declared, catalogue []Topic) []Note {
	known := map[string]Topic{}
	for _, t := range catalogue {
		known[t.Name] = t
	}
	tables, names := map[string]bool{}, map[string]bool{}
	for _, g := range groups {
		tables[g.Table.Name] = true
		for _, t := range g.Topics() {
			known[t.Name] = t
		}
	}
	var notes []Note
	for _, g := range byName(groups) {
		say := func(fault bool, format string, a ...any) {
			notes = append(notes, Note{g.Name, fault, fmt.Sprintf(format, a...)})
		}
		if names[g.Name] {
			say(true, "is declared twice")
		}
		names[g.Name] = true
		checkVersions(groups, g, say)
		for _, t := range g.Topics() {
			if len(t.Name) > maxNameBytes {
				say(true, "%s is longer than %d bytes", t.Name, maxNameBytes)
			}
		}
		for _, in := range g.Inputs {
			if _, ok := known[in.Topic.Name]; !ok {
				say(true, "folds %s, which the catalogue does not have", in.Topic.Name)
			}
			if in.Whole {
				say(false, "%s has %d partitions, the group %d: all records go through %s",
					in.Topic.Name, in.Topic.Partitions, g.Table.Partitions, in.Via.Name)
			} else {
				say(false, "%s is folded in place; records that murmur2 puts elsewhere go through %s", in.Topic.Name, in.Via.Name)
			}
		}
		for _, t := range append(append([]TableRef(nil), g.Joins...), g.Lookups...) {
			if !tables[t.Topic.Name] {
				say(true, "reads %s, which no group keeps", t.Topic.Name)
			}
		}
		for _, o := range g.Emits() {
			if _, ok := known[o.Topic.Name]; !ok && !o.Routed {
				say(true, "emits to %s, which the catalogue does not have", o.Topic.Name)
			}
		}
	}
	return notes
}

// LegalNewName says whether a topic name follows the rule for new topics:
// lower-case segments joined by dots, hyphens allowed, no underscores. Names
// of the catalogue are kept to the letter and are not held to it.
func LegalNewName(name string) bool {
	return len(name) <= maxNameBytes && legalName.MatchString(name)
}
