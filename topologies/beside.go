package topologies

import (
	"cmp"
	"strings"

	"payerflow/codecs"
	"payerflow/internal/topology"
)

// joined is a join whose codecs are those of the schema files of its topics.
func joined[V topology.Entry[V]](name, doc string, right topology.Stream[V], left int) topology.ForeignJoin[V] {
	return topology.ForeignJoin[V]{
		Name: name, Doc: doc, Right: right, Left: left,
		Rows:      codecs.NewAvro[topology.Joint[V]](name+"-table", rowBytes),
		LinkCodec: codecs.NewAvro[topology.Link](topology.LinksTopic(name), mebibyte),
		FanCodec:  codecs.NewAvro[topology.FanOut](topology.FanOutTopic(name), mebibyte),
		AnswersAs: codecs.NewAvro[topology.Answered[V]](topology.AnswersTopic(name), mebibyte),
	}
}

// listed is an index whose codecs are those of the schema files of its topics;
// its view is named as the group is, before the version.
func listed[E topology.Indexed[E]](name, doc string, partitions int, view topology.View) topology.Index[E] {
	view.Name, _, _ = strings.Cut(name, ".")
	return topology.Index[E]{
		Name: name, Doc: doc, Partitions: partitions, View: view,
		Entries: codecs.NewAvro[E](topology.EntriesTopic(name), mebibyte),
		Rows:    codecs.NewAvro[E](name+"-table", rowBytes),
	}
}

// own is a stream that a group has with those who read what it says of its
// rows: named behind the group, and kept for a week unless t says otherwise.
func own[E topology.Event](group string, t topology.Topic) topology.Stream[E] {
	t.Name, t.Owner, t.Producers = group+"-"+t.Name, group, []string{group}
	t.Retention, t.Cleanup, t.Compression, t.MaxMessageBytes = cmp.Or(t.Retention, aWeek), topology.Delete, compression, mebibyte
	return stream[E](t)
}
