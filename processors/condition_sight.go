package processors

import (
	"payerflow/events"
	"payerflow/tables"
)

// Delivery is an oracle: who gets an event learns that the condition held. So
// a condition may look only at what its team sees in the redacted copy.

// hidden is why a team whose copies a mask makes may not have a condition, nil
// where it may. It names places of the schema, never a value.
func (l *look) hidden(m *Mask) (out []events.Fault) {
	f := faults(out)
	for _, u := range l.uses {
		f.unless(m.shows(u), NotVisible, conditionAt, "looks at "+u.String()+", which the team may not see, or which nobody has classified")
	}
	return f
}

func (u use) String() string {
	text := u.root
	for _, step := range u.path {
		text += "." + step
	}
	return text
}

// shows says whether a place is to be seen in every redacted copy.
func (m *Mask) shows(u use) bool {
	switch u.root {
	case tagsVariable:
		return m.sees("tags")
	case eventVariable:
		return m.showsAttribute(u)
	}
	at := []*maskNode{m.root}
	for _, step := range u.path {
		var below []*maskNode
		for _, n := range at {
			if n == nil || n.lined && !n.open {
				return false
			}
			below = append(below, n.under(step)...)
		}
		if at = below; len(at) == 0 {
			return false
		}
	}
	for _, n := range at {
		if n == nil || n.lined && !n.open || !n.lined && (u.whole || !n.descends()) || u.whole && n.json && !u.keys || u.keys && !n.keysOpen {
			return false
		}
	}
	return true
}

// under are the places below a step; "*" is all of them.
func (n *maskNode) under(step string) []*maskNode {
	if step != "*" {
		c, _ := n.child(step)
		return []*maskNode{c}
	}
	all := []*maskNode{n.star}
	for _, c := range n.names {
		all = append(all, c)
	}
	return all
}

func (m *Mask) showsAttribute(u use) bool {
	switch name := u.path[0]; name {
	case "extensions":
		return len(u.path) == 2 && u.path[1] != "*" && m.sees(u.path[1]) && tables.MetadataClasses[u.path[1]] == ""
	case "synthetic", "typeVersion":
		return true
	case "subject":
		_, open := m.subjectClass()
		return open
	case "key":
		return m.showsKey()
	default:
		return m.sees(name)
	}
}

// showsKey says whether the key itself stands in every copy: not where it is
// the subject or transaction id of a type that hides these.
func (m *Mask) showsKey() bool {
	_, subject := m.subjectClass()
	if _, set := m.metadata["key"]; set {
		return m.sees("key") && subject
	}
	if m.keyField {
		return m.keyOpen && subject
	}
	return subject && m.sees("transactionId")
}
