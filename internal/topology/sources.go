package topology

import "slices"

// SourceTypes are the event types that go into a group's rows, sorted: those
// that its inputs carry, and where an input is another group's output without
// types of its own, those of that group.
func SourceTypes(groups []Declared, name string) []string {
	types := []string{}
	seen := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, g := range groups {
			if g.Name != name {
				continue
			}
			for _, in := range g.Inputs {
				if types = append(types, in.Topic.EventTypes...); len(in.Topic.EventTypes) > 0 {
					continue
				}
				for _, from := range groups {
					if slices.ContainsFunc(from.Emits(), func(o StreamRef) bool { return o.Topic.Name == in.Topic.Name }) {
						add(from.Name)
					}
				}
			}
		}
	}
	add(name)
	slices.Sort(types)
	return slices.Compact(types)
}
