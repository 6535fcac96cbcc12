package expire

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"

	"payerflow/connectors/hydrate"
	"payerflow/connectors/store"
	"payerflow/internal/topology"
)

// Recorded are the latest log starts that were written down, by
// topology.LogStart.Key.
func Recorded(ctx context.Context, c *hydrate.Copy) (map[string]topology.LogStart, error) {
	name := topology.LogStarts.Name
	lives, err := c.Lives(ctx, name)
	if err != nil || len(lives) == 0 {
		return nil, err
	}
	starts, err := offsetsOf(c.Admin.ListStartOffsets(ctx, name))
	if err != nil {
		return nil, err
	}
	ends, err := offsetsOf(c.Admin.ListCommittedOffsets(ctx, name))
	if err != nil {
		return nil, err
	}
	start, _ := starts.Lookup(name, 0)
	end, _ := ends.Lookup(name, 0)
	out := map[string]topology.LogStart{}
	return out, c.Scan(ctx, hydrate.Range{Shelf: store.Shelf{Topic: name, Incarnation: 1}, From: start.Offset, To: end.Offset}, true, func(l hydrate.Lying) error {
		if at, err := topology.DecodeLogStart(l.Record.Value); err == nil { // what nobody can read says nothing
			out[at.Key()] = at
		}
		return nil
	})
}

// finish deletes what was written down, and not deleted.
func (p *pass) finish(ctx context.Context) error {
	recorded, err := Recorded(ctx, p.copy)
	if err != nil || len(recorded) == 0 {
		return err
	}
	var topics []string
	for _, l := range recorded {
		topics = append(topics, l.Topic)
	}
	lives, err := p.copy.Lives(ctx, topics...)
	if err != nil {
		return err
	}
	starts, err := offsetsOf(p.copy.Admin.ListStartOffsets(ctx, topics...))
	if err != nil {
		return err
	}
	for _, l := range recorded {
		at, ok := starts.Lookup(l.Topic, l.Partition)
		if ok && at.Err == nil && at.Offset < l.Offset && lives[l.Topic].TopicID == l.TopicID {
			if err := p.remove(ctx, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// remove has the brokers delete what lies before a recorded beginning.
func (p *pass) remove(ctx context.Context, l topology.LogStart) error {
	gone := kadm.Offsets{}
	gone.AddOffset(l.Topic, l.Partition, l.Offset, -1)
	done, err := p.copy.Admin.DeleteRecords(ctx, gone)
	if err == nil {
		err = done.Error()
	}
	if err != nil {
		return fmt.Errorf("delete records of %s: %w: %w", l.Key(), topology.ErrUnavailable, err)
	}
	return nil
}
