package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"payerflow/internal/topology"
)

// survey is how far the groups of views, their inputs and their tables are. The
// brokers are asked about all views at once, in the order of the fields: what is
// known of a copy is older than the time that this takes, which must not grow
// with the number of views.
type survey struct {
	at     time.Time
	stable map[topicPartition]int64            // last stable offsets of inputs
	fed    map[string]map[topicPartition]int64 // positions of the groups that repartition
	vias   map[topicPartition]int64            // high watermarks of what they write: see progress.ends
	folded map[string]map[topicPartition]int64 // positions of the groups themselves
	tables map[topicPartition]int64            // high watermarks
	faults map[string]error                    // what was not answered, by topic or group
	err    error                               // the brokers do not answer
}

func (p *progress) survey(ctx context.Context, groups []*group) *survey {
	cl, err := p.cluster()
	if err != nil {
		return &survey{err: err}
	}
	var inputs, feeding, vias, names, tables []string
	for _, g := range groups {
		inputs = append(inputs, g.reads...)
		for name, topics := range g.whole() {
			inputs, feeding = append(inputs, topics...), append(feeding, name)
		}
		if len(g.feeding) > 0 {
			for _, via := range g.Vias() {
				vias = append(vias, via.Name)
			}
		}
		names, tables = append(names, g.Name), append(tables, g.Table.Name)
	}
	s := &survey{at: time.Now(), faults: map[string]error{}}
	s.stable = s.list(ctx, cl.admin.ListCommittedOffsets, inputs)
	s.fed = s.positions(ctx, cl.admin, feeding)
	s.vias = s.list(ctx, cl.admin.ListEndOffsets, vias)
	s.folded = s.positions(ctx, cl.admin, names)
	s.tables = s.list(ctx, cl.admin.ListEndOffsets, tables)
	return s
}

type listing func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error)

// list asks for offsets of topics, unless the brokers have failed to answer.
func (s *survey) list(ctx context.Context, ask listing, topics []string) map[topicPartition]int64 {
	slices.Sort(topics)
	if topics = slices.Compact(topics); len(topics) == 0 || s.err != nil {
		return nil
	}
	listed, err := ask(ctx, topics...)
	if err != nil {
		s.err = fmt.Errorf("%w: ends: %w", topology.ErrUnavailable, err)
	}
	out := map[topicPartition]int64{}
	listed.Each(func(o kadm.ListedOffset) {
		if o.Err != nil {
			s.faults[o.Topic] = fmt.Errorf("%w: end of %s/%d: %w", topology.ErrUnavailable, o.Topic, o.Partition, o.Err)
		}
		out[topicPartition{o.Topic, o.Partition}] = o.Offset
	})
	return out
}

func (s *survey) positions(ctx context.Context, admin *kadm.Client, groups []string) map[string]map[topicPartition]int64 {
	if len(groups) == 0 || s.err != nil {
		return nil
	}
	out := map[string]map[topicPartition]int64{}
	for name, answer := range admin.FetchManyOffsets(ctx, groups...) {
		if answer.Err != nil && !errors.Is(answer.Err, kerr.GroupIDNotFound) {
			s.faults[name] = fmt.Errorf("%w: positions of %s: %w", topology.ErrUnavailable, name, answer.Err)
		}
		out[name] = stableOf(answer.Fetched)
	}
	return out
}

// fault is why nothing is found out about the copies of a group's table.
func (s *survey) fault(g *group) error {
	whole := g.whole()
	for _, of := range [][]string{{g.Name, g.Table.Name}, g.reads, slices.Collect(maps.Keys(whole)), slices.Concat(slices.Collect(maps.Values(whole))...)} {
		for _, name := range of {
			if err := s.faults[name]; err != nil {
				return fmt.Errorf("view %s: %w", g.View.Name, err)
			}
		}
	}
	return nil
}

// of are the ends of topics.
func (s *survey) of(topics []string) map[topicPartition]int64 {
	out := map[topicPartition]int64{}
	for at, end := range s.stable {
		if slices.Contains(topics, at.topic) {
			out[at] = end
		}
	}
	return out
}

// ends are those of the inputs of a partition, as far as they count as being in
// what the group reads.
func (s *survey) ends(inputs []topicPartition) map[topicPartition]int64 {
	out := map[topicPartition]int64{}
	for _, in := range inputs {
		end, via := s.vias[in]
		if !via {
			end = s.stable[in]
		}
		out[in] = end
	}
	return out
}

// stableOf are the positions that are known; one whose commit is pending is not.
func stableOf(offsets kadm.OffsetResponses) map[topicPartition]int64 {
	out := map[topicPartition]int64{}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Err == nil && o.At >= 0 {
			out[topicPartition{o.Topic, o.Partition}] = o.At
		}
	})
	return out
}
