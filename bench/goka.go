package main

import (
	"context"
	"hash"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"payerflow/internal/topology"
)

// runGoka is goka as it comes: sarama, goleveldb, at least once. Only its hash
// is changed, to the one with which the keys were placed.
func runGoka(ctx context.Context, j job) error {
	cfg := goka.DefaultConfig()
	cfg.Version = sarama.V4_0_0_0
	cfg.Consumer.Offsets.Initial = sarama.OffsetOldest
	cfg.Consumer.Offsets.AutoCommit.Interval = 100 * time.Millisecond
	cfg.Producer.Compression = sarama.CompressionLZ4
	goka.ReplaceGlobalConfig(cfg)
	topics := goka.NewTopicManagerConfig()
	topics.Table.Replication, topics.Stream.Replication = 1, 1

	rows, out := loose[status]{statusCodec}, goka.Stream(view(j.id).Name)
	fold := func(c goka.Context, event any) {
		seen()
		row, _ := c.Value().(status)
		row = apply(row, event.(fact))
		c.SetValue(row)
		c.Emit(out, c.Key(), row)
	}
	edges := []goka.Edge{goka.Persist(rows), goka.Output(out, rows)}
	for _, f := range feeds {
		edges = append(edges, goka.Input(goka.Stream(f.topic.Name), decoding{f}, fold))
	}
	p, err := goka.NewProcessor([]string{broker}, goka.DefineGroup(goka.Group(j.group()), edges...),
		goka.WithHasher(newMurmur2),
		goka.WithTopicManagerBuilder(goka.TopicManagerBuilderWithConfig(cfg, topics)),
		goka.WithStorageBuilder(storage.DefaultBuilder(j.dir)))
	if err != nil {
		return err
	}
	if j.recover {
		go func() {
			for !p.Recovered() && ctx.Err() == nil {
				time.Sleep(5 * time.Millisecond)
			}
			tell("recovered")
		}()
	}
	return p.Run(ctx)
}

// decoding is the codec of an input, which is never written.
type decoding struct{ feed }

func (d decoding) Decode(b []byte) (any, error) { return d.codec.Decode(b) }
func (d decoding) Encode(any) ([]byte, error)   { panic("inputs are not written") }

type murmur2 struct{ b []byte }

func newMurmur2() hash.Hash32                  { return &murmur2{} }
func (m *murmur2) Write(p []byte) (int, error) { m.b = append(m.b, p...); return len(p), nil }
func (m *murmur2) Sum(b []byte) []byte         { return append(b, m.b...) }
func (m *murmur2) Reset()                      { m.b = m.b[:0] }
func (m *murmur2) Size() int                   { return 4 }
func (m *murmur2) BlockSize() int              { return 4 }
func (m *murmur2) Sum32() uint32               { return topology.Murmur2(m.b) & 0x7fffffff }
