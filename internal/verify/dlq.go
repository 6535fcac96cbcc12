package verify

import (
	"context"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
)

// DeadLetters looks whether each dead letter holds the record that lies where
// it says. A record that the log has deleted meanwhile is expired.
func (l *Log) DeadLetters(ctx context.Context) (*Check, error) {
	c := newCheck("dlq")
	topics, err := l.dlqs(ctx)
	if err != nil {
		return nil, err
	}
	held, err := l.held(ctx, false, topics...)
	if err != nil {
		return nil, err
	}
	want := map[coordinates][]sentBack{}
	err = l.eachLetter(ctx, held, func(r *kgo.Record, d codecs.DeadLetter) error {
		c.Counts["letters"]++
		m := d.Metadata
		if m.OriginalTopic == "" {
			c.found("unreadable", r.Topic, "", place(r))
			return nil
		}
		if strings.HasSuffix(m.OriginalTopic, "-ticks") {
			c.Counts["of ticks"]++ // they hold a row's key, and no record
			return nil
		}
		at := coordinates{m.OriginalTopic, m.OriginalPartition, m.OriginalOffset}
		want[at] = append(want[at], sentBack{r.Topic, place(r), sumOf(d.OriginalKey, d.OriginalPayload)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c, l.sources(ctx, c, want)
}

// sentBack is what a dead letter says of a record.
type sentBack struct {
	dlq, place string
	sum        uint64
}

func (l *Log) sources(ctx context.Context, c *Check, want map[coordinates][]sentBack) error {
	named := map[string]bool{}
	for at := range want {
		named[at.topic] = true
	}
	var topics []string
	for topic := range named {
		topics = append(topics, topic)
	}
	held, err := l.held(ctx, false, topics...)
	if err != nil {
		return err
	}
	todo := spans{}
	for at, letters := range want {
		s, there := held[at.topic][at.partition]
		if there && at.offset < s.from {
			c.Counts["expired"] += int64(len(letters))
			delete(want, at)
			continue
		}
		run, some := todo[at.topic][at.partition]
		if !some {
			run = span{at.offset, at.offset}
		}
		if there && at.offset < s.to {
			todo.set(at.topic, at.partition, span{min(run.from, at.offset), max(run.to, at.offset+1)})
		}
	}
	err = l.read(ctx, todo, false, func(r *kgo.Record) error {
		at := coordinates{r.Topic, r.Partition, r.Offset}
		for _, one := range want[at] {
			if one.sum != sumOf(r.Key, r.Value) {
				c.found("not the record", one.dlq, "", one.place)
			}
			c.Counts["found"]++
		}
		delete(want, at)
		return nil
	})
	for _, letters := range want {
		for _, one := range letters {
			c.found("no such record", one.dlq, "", one.place)
		}
	}
	return err
}
