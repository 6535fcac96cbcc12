package verify

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
)

// coordinates are where a record lies.
type coordinates struct {
	topic     string
	partition int32
	offset    int64
}

// letter is what a group said of a record that it could not take.
type letter struct {
	code   string
	output string // "": the whole record; else the one output that was not written
}

// parked are the dead letters that some groups wrote, by the record's
// coordinates.
type parked map[coordinates][]letter

// whole finds the letter of a record of which nothing took effect.
func (p parked) whole(at coordinates) (letter, bool) {
	for _, l := range p[at] {
		if l.output == "" {
			return l, true
		}
	}
	return letter{}, false
}

// without says whether one output of a record is parked.
func (p parked) without(at coordinates, output string) bool {
	return slices.ContainsFunc(p[at], func(l letter) bool { return l.output == output })
}

// decode reads values of a topic with a codec of the project.
func decoder[T any](c codecs.Avro[T], s Schemas, topic string) (decode func([]byte) (T, error), digest func(T) ([]byte, error), err error) {
	serde, err := c.Bind(s, topic)
	if err != nil {
		return nil, nil, err
	}
	return serde.Decode, serde.Digest, nil
}

func (l *Log) eachLetter(ctx context.Context, todo spans, each func(*kgo.Record, codecs.DeadLetter) error) error {
	decoders := map[string]func([]byte) (codecs.DeadLetter, error){}
	for topic := range todo {
		decode, _, err := decoder(codecs.DeadLetters, l.Schemas, topic)
		if err != nil {
			return err
		}
		decoders[topic] = decode
	}
	return l.read(ctx, todo, false, func(r *kgo.Record) error {
		d, err := decoders[r.Topic](r.Value)
		if err != nil {
			if !faulty(err) {
				return err
			}
			return each(r, codecs.DeadLetter{}) // one that does not decode says nothing
		}
		return each(r, d)
	})
}

// parkedBy reads the dead letters of some groups.
func (l *Log) parkedBy(ctx context.Context, topics []string, groups ...string) (parked, error) {
	out := parked{}
	todo, err := l.held(ctx, false, topics...)
	if err != nil {
		return nil, err
	}
	return out, l.eachLetter(ctx, todo, func(_ *kgo.Record, d codecs.DeadLetter) error {
		m := d.Metadata
		if !slices.Contains(groups, m.ConsumerGroup) {
			return nil
		}
		at := coordinates{m.OriginalTopic, m.OriginalPartition, m.OriginalOffset}
		one := letter{code: m.ReasonCode}
		for _, h := range d.OriginalHeaders {
			if h.Key == "pf_output" && m.ReasonCode == "OUTPUT_TOPIC_MISSING" {
				one.output = string(h.Value)
			}
		}
		out[at] = append(out[at], one)
		return nil
	})
}
