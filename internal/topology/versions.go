package topology

import (
	"fmt"
	"slices"
	"time"
)

// Versions is the log that says which version of each view is live. Its order
// decides, so that it is kept whole. See docs/adr/0016.
var Versions = Topic{
	Name: "payerflow.versions", Partitions: 1, Cleanup: Delete, Compression: "lz4", MaxMessageBytes: 1 << 20,
	Owner: "payerflow", Doc: "which version of a view is live, and what happens to the others; kept for ever",
}

// Redeliveries is where it is noted which events go to one reader once more,
// and how far that is.
var Redeliveries = Topic{
	Name: "payerflow.redeliveries", Partitions: 1, Cleanup: Delete, Retention: 365 * 24 * time.Hour, Compression: "lz4", MaxMessageBytes: 1 << 20,
	Owner: "payerflow", Doc: "what is delivered again to one reader, and how far that is",
}

// Processes is what workers announce themselves under in Members as a whole,
// beside what they say of each group.
const Processes = "payerflow.processes"

// ReplayDLQ is where a version parks what it cannot fold while it is quiet.
func (d Declared) ReplayDLQ() Topic {
	t := d.Table.DLQ()
	t.Name, t.Retention, t.Doc = d.Name+"-replay.dlq", 30*24*time.Hour, "records that "+d.Name+" could not take while it was quiet"
	t.MaxMessageBytes = 0
	for _, in := range d.Inputs {
		t.MaxMessageBytes = max(t.MaxMessageBytes, in.Topic.DLQ().MaxMessageBytes)
	}
	t.Producers, t.Consumers = []string{d.Name}, nil
	return t
}

// OwnTopics are the topics of a group's version alone: its own, and those of groups
// beside it that nobody else writes to. What it says there flows also while it
// is quiet.
func OwnTopics(groups []Declared, d Declared) map[string]bool {
	own := map[string]bool{}
	for _, o := range d.Emits() {
		if o.Topic.Owner == d.Name && !o.Routed {
			own[o.Topic.Name] = true
		}
		for _, beside := range groups {
			if beside.Beside && o.Topic.Owner == beside.Name && aloneAt(groups, d.Name, beside, o.Topic.Name) {
				own[o.Topic.Name] = true
			}
		}
	}
	return own
}

// aloneAt says whether of all groups only one writes to a topic of a group
// beside it.
func aloneAt(groups []Declared, name string, beside Declared, topic string) bool {
	return !slices.ContainsFunc(groups, func(g Declared) bool {
		return g.Name != name && g.Name != beside.Name &&
			slices.ContainsFunc(g.Emits(), func(o StreamRef) bool { return o.Topic.Name == topic })
	})
}

// SelfMade says of each input of a group whether it is made from what its own
// version says: its loops, and the answers to its own questions.
func SelfMade(groups []Declared, d Declared) []bool {
	owners, own := map[string]bool{d.Name: true}, OwnTopics(groups, d)
	for _, o := range d.Emits() {
		if own[o.Topic.Name] {
			owners[o.Topic.Owner] = true
		}
	}
	made := make([]bool, len(d.Inputs))
	for i, in := range d.Inputs {
		made[i] = owners[in.Topic.Owner]
	}
	return made
}

// checkVersions says what is wrong with the versions of views.
func checkVersions(groups []Declared, g Declared, say func(fault bool, format string, a ...any)) {
	for _, other := range groups {
		switch {
		case other.Name == g.Name || g.View.Name == "" || other.View.Name != g.View.Name:
		case g.Shadows == "" && other.Shadows == "":
			say(true, "serves the view %s, and so does %s: one of them has to say which one it shadows", g.View.Name, other.Name)
		case g.Shadows != "" && g.Shadows == other.Shadows:
			say(true, "shadows %s, and so does %s", g.Shadows, other.Name)
		}
	}
	if g.Shadows == "" {
		return
	}
	i := slices.IndexFunc(groups, func(o Declared) bool { return o.Name == g.Shadows })
	if i < 0 {
		say(true, "shadows %s, which is not declared", g.Shadows)
		return
	}
	if err := g.versionOf(groups[i]); err != nil {
		say(true, "%v", err)
		return
	}
	say(false, "is the next version of %s; it is quiet until payerflow replay switch", g.Shadows)
}

// versionOf says why a group cannot be the next version of another.
func (d Declared) versionOf(old Declared) error {
	switch {
	case d.Outside || old.Outside:
		return fmt.Errorf("shadows %s; what has effects outside has no versions", old.Name)
	case d.View.Name == "" || d.View.Name != old.View.Name:
		return fmt.Errorf("shadows %s, and does not serve the same view", old.Name)
	case d.Table.Partitions != old.Table.Partitions:
		return fmt.Errorf("shadows %s with %d partitions, has %d itself", old.Name, old.Table.Partitions, d.Table.Partitions)
	case (len(d.View.Classes) == 0) != (len(old.View.Classes) == 0):
		return fmt.Errorf("shadows %s, and reads of one of them are audited while those of the other are not", old.Name)
	case d.View.Lists != old.View.Lists || d.KeepsUnder() != old.KeepsUnder():
		return fmt.Errorf("shadows %s, and keeps rows of another kind", old.Name)
	}
	return nil
}
