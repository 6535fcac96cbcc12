package topology

import "slices"

// Step is a consumer group that reads a topic on the way of events to a view.
type Step struct {
	Group  string
	Topic  string
	Writes []string // topics of what comes of it
}

// Way is how what is in some topics comes to the rows of a group's table.
type Way struct {
	Steps  []Step   // a topic's steps come after those that write it, but for rings
	Inputs []string // topics of which the group's table is made
}

// WayTo works out the way from topics to a group. Topics from which nothing
// comes to it are not on it. A ring is gone round once, and a way that comes
// back to where it began is not gone on.
func WayTo(groups []Declared, group string, from []string) (w Way) {
	inputs := inputsOf(groups, group)
	all := steps(groups, from)
	leads := leading(all, inputs)
	for i := range all {
		all[i].Writes = slices.DeleteFunc(slices.Clone(all[i].Writes), func(t string) bool { return !leads[t] })
	}
	for _, topic := range inOrder(all, leads, from) {
		if slices.Contains(inputs, topic) {
			w.Inputs = append(w.Inputs, topic)
		}
		for _, s := range all {
			if s.Topic == topic && len(s.Writes) > 0 {
				w.Steps = append(w.Steps, s)
			}
		}
	}
	return w
}

// inOrder are the topics that lead on, those that are written behind those that
// they are made of.
func inOrder(all []Step, leads map[string]bool, from []string) (order []string) {
	seen := map[string]bool{}
	var visit func(topic string)
	visit = func(topic string) {
		if seen[topic] || !leads[topic] {
			return
		}
		seen[topic] = true
		for _, s := range all {
			if s.Topic == topic {
				for _, next := range s.Writes {
					visit(next)
				}
			}
		}
		order = append(order, topic)
	}
	for _, topic := range from {
		visit(topic)
	}
	slices.Reverse(order)
	return order
}

// steps are all there are, but for those of a group that passes by what its own
// kind has written, unless the way begins there.
func steps(groups []Declared, from []string) (out []Step) {
	for _, g := range groups {
		var writes []string
		for _, o := range g.Emits() {
			if !o.Routed && !slices.Contains(from, o.Topic.Name) {
				writes = append(writes, o.Topic.Name)
			}
		}
		for _, in := range g.Inputs {
			switch {
			case in.Without != "" && !slices.Contains(from, in.Topic.Name):
			case in.Whole:
				out = append(out, Step{FeedingGroup(g.Name, in.Topic.Partitions), in.Topic.Name, []string{in.Via.Name}})
			default:
				out = append(out, Step{g.Name, in.Topic.Name, append([]string{in.Via.Name}, writes...)})
			}
		}
		for _, via := range g.Vias() {
			out = append(out, Step{g.Name, via.Name, writes})
		}
	}
	return out
}

// inputsOf are the topics that are folded into a group's table.
func inputsOf(groups []Declared, group string) (out []string) {
	for _, g := range groups {
		if g.Name != group {
			continue
		}
		for _, in := range g.Inputs {
			if !in.Whole {
				out = append(out, in.Topic.Name)
			}
		}
		for _, via := range g.Vias() {
			out = append(out, via.Name)
		}
	}
	return out
}

// leading are the topics from which something comes to some.
func leading(all []Step, to []string) map[string]bool {
	leads := map[string]bool{}
	for _, t := range to {
		leads[t] = true
	}
	for grown := true; grown; {
		grown = false
		for _, s := range all {
			if !leads[s.Topic] && slices.ContainsFunc(s.Writes, func(t string) bool { return leads[t] }) {
				leads[s.Topic], grown = true, true
			}
		}
	}
	return leads
}

// Batches are the steps in runs that can be waited for together: no topic of a
// run is written by a step of it.
func (w Way) Batches() (out [][]Step) {
	var written []string
	for _, s := range w.Steps {
		if len(out) == 0 || slices.Contains(written, s.Topic) {
			out, written = append(out, nil), nil
		}
		out[len(out)-1] = append(out[len(out)-1], s)
		written = append(written, s.Writes...)
	}
	return out
}
