package topology

import "time"

// Indexed is an entry that is a row as well: what a list shows of another row.
type Indexed[E any] interface {
	Entry[E]
	Row
	Gone() bool // true of what Removed returns
}

// Index is a group that keeps the entries of other groups' rows under the key
// by which they are found: claims by provider. Its entries topic belongs to it,
// and others follow their rows with it. See docs/adr/0010.
type Index[E Indexed[E]] struct {
	Name       string // consumer group; permanent, for it names the changelog
	Doc        string
	Partitions int
	Entries    Codec[E] // of the topic that EntriesTopic names
	Rows       Codec[E]
	View       View
	Shadows    string // the index of which this is the next version
}

// EntriesTopic names the topic of an index's entries.
func EntriesTopic(index string) string { return index + "-entries" }

// Stream is where the groups whose rows are indexed put their entries.
func (x Index[E]) Stream() Stream[E] {
	return Stream[E]{Topic: ownTopic(x.Name, EntriesTopic(x.Name), x.Partitions, "what is found by "+x.Name), Codec: x.Entries}
}

// Declare works out what follows, as Group.Declare does.
func (x Index[E]) Declare() Declared {
	keep := Fold(x.Stream(), func(_ E, rec Record[E]) (E, []Output) { return rec.Body, nil })
	view := x.View
	view.Lists = true
	d := Group[E]{Name: x.Name, Doc: x.Doc, Rows: x.Rows, Inputs: Inputs[E]{Under(keep, E.Suffix)}, View: view, Shadows: x.Shadows}.Declare()
	d.Beside = true
	return d
}

// ownTopic is a topic that a group has for itself.
func ownTopic(group, name string, partitions int, doc string) Topic {
	return Topic{Name: name, Partitions: partitions, Retention: 7 * 24 * time.Hour, Cleanup: Delete, Compression: "lz4",
		MaxMessageBytes: 1 << 20, Owner: group, Producers: []string{group}, Consumers: []string{group}, Doc: doc}
}
