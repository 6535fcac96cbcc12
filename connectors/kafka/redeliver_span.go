package kafka

import (
	"context"
	"slices"

	"payerflow/topologies"
)

// sources are the topics that can hold what is chosen.
func (r *redelivery) sources() (names []string) {
	for _, in := range r.bound.Inputs {
		name, types := in.Topic.Name, in.Topic.EventTypes
		chosen := name == topologies.Firehose.Topic.Name || len(r.req.Choice.Types) == 0 ||
			slices.ContainsFunc(r.req.Choice.Types, func(t string) bool { return slices.Contains(types, t) })
		if chosen && (r.req.Source == "" || r.req.Source == name) {
			names = append(names, name)
		}
	}
	return names
}

// span works out from which offsets to which the partitions are read.
func (r *redelivery) span(ctx context.Context) error {
	names := r.sources()
	if len(names) == 0 {
		return undeliverable(NoSource, "the router does not read %s", r.req.Source)
	}
	later, err := r.client.spans(ctx, r.req.Choice.From, names...)
	if err != nil {
		return err
	}
	r.state.Spans = Offsets{}
	for topic, ps := range r.seam {
		for p, s := range ps {
			if len(r.req.Partitions) > 0 && !slices.Contains(r.req.Partitions, p) {
				continue
			}
			if from := later[topic][p].from; from > s.from {
				s.from = from
			} else {
				s.from = 0
			}
			s.from = max(s.from, r.req.FromOffset)
			if r.req.ToOffset > 0 {
				s.to = min(s.to, r.req.ToOffset)
			}
			if s.from < s.to {
				r.state.Spans.set(topic, p, [2]int64{s.from, s.to})
				r.state.All += s.to - s.from
			}
		}
	}
	return nil
}

// complete refuses a redelivery of which a part is gone for good.
func (r *redelivery) complete(ctx context.Context) error {
	for topic, ps := range r.state.Spans {
		for p, s := range ps {
			begins := r.seam[topic][p].from
			if s[0] >= begins || r.req.Incomplete {
				continue
			}
			lacks := "no event store is named"
			if r.d.Past != nil {
				var err error
				if lacks, err = r.d.Past.Lacks(ctx, topic, p, s[0], min(begins, s[1])); err != nil {
					return err
				}
			}
			if lacks != "" {
				return undeliverable(PastIsLost, "%s/%d begins at offset %d, and what is wanted from offset %d on is gone: %s; --incomplete takes what there is", topic, p, begins, s[0], lacks)
			}
		}
	}
	return nil
}
