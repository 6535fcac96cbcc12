package verify

import (
	"cmp"
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
)

// mark is a run of one input partition that a transaction covered.
type mark struct {
	from, to int64
	control  int64
}

// prepare reads rules, positions, marks and dead letters.
func (run *routesRun) prepare(ctx context.Context) (err error) {
	l, f := run.l, run.f
	if run.book, err = l.rulebookOf(ctx, f); err != nil {
		return err
	}
	letters := []string{f.Firehose + ".dlq"}
	topics := []string{f.Firehose, f.Via}
	run.inputs = []string{f.Firehose, f.Via}
	for topic := range f.Domain {
		letters, topics = append(letters, topic+".dlq"), append(topics, topic)
	}
	if run.letters, err = l.parkedBy(ctx, letters, f.Router); err != nil {
		return err
	}
	held, err := l.held(ctx, true, topics...)
	if err != nil {
		return err
	}
	followers := []Follower{{f.Router, f.Firehose}, {f.Router, f.Via}}
	for topic := range f.Domain {
		if len(held[topic]) == f.Partitions {
			run.inputs, followers = append(run.inputs, topic), append(followers, Follower{f.Router, topic})
		}
	}
	if run.at, err = l.committed(ctx, followers); err != nil {
		return err
	}
	run.passes = int(held.size()/routesRecords) + 1
	for _, ps := range held {
		for _, s := range ps {
			run.cut = run.cut || s.from > 0
		}
	}
	read, _, err := decoder(codecs.NewAvro[events.BatchRouted](f.Routed, eventBytes), l.Schemas, f.Routed)
	if err != nil {
		return err
	}
	run.marks = map[string]map[int32][]mark{}
	if held, err = l.held(ctx, false, f.Routed); err != nil {
		return err
	}
	err = l.read(ctx, held, false, func(r *kgo.Record) error {
		m, err := read(r.Value)
		if err != nil {
			return unless(faulty(err), err)
		}
		for _, x := range m.Ranges {
			if run.marks[x.Topic] == nil {
				run.marks[x.Topic] = map[int32][]mark{}
			}
			run.marks[x.Topic][x.Partition] = append(run.marks[x.Topic][x.Partition], mark{x.From, x.To, m.ControlOffset})
		}
		return nil
	})
	for _, ps := range run.marks {
		for _, ms := range ps {
			slices.SortFunc(ms, func(a, b mark) int { return cmp.Compare(a.from, b.from) })
		}
	}
	return err
}

// pinned is the place in the rulebook of the rules that routed a record.
func (run *routesRun) pinned(r *kgo.Record) (int, bool) {
	ms := run.marks[r.Topic][r.Partition]
	i, exact := slices.BinarySearchFunc(ms, r.Offset, func(m mark, at int64) int { return cmp.Compare(m.from, at) })
	if !exact {
		i--
	}
	if i < 0 || r.Offset >= ms[i].to {
		return 0, false
	}
	return run.book.upTo(ms[i].control), true
}
