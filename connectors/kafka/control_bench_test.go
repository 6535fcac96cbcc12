package kafka_test

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/topologies"
)

// BenchmarkRulesAtStart reads a log of 20,000 changes of 2,000 rows, as a
// worker does that starts.
func BenchmarkRulesAtStart(b *testing.B) {
	s, broker := &codecs.Memory{}, controlLog(b, "", "127.0.0.1:0")
	k, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()), kgo.DefaultProduceTopic(topologies.Control.Topic.Name))
	if err != nil {
		b.Fatal(err)
	}
	defer k.Close()
	serde, err := topologies.Control.Codec.Bind(s, topologies.Control.Topic.Name)
	if err != nil {
		b.Fatal(err)
	}
	const rows, versions = 2000, 10
	for i := range rows * versions {
		v, err := serde.Encode(grant(fmt.Sprintf("team-%d", i%rows), int32(i/rows+1)))
		if err != nil {
			b.Fatal(err)
		}
		k.Produce(b.Context(), &kgo.Record{Value: v}, nil)
	}
	if err := k.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		tail(b, broker.Addr(), s, nil)
	}
}

// BenchmarkChange writes a change and waits until it is in force.
func BenchmarkChange(b *testing.B) {
	c := tail(b, controlLog(b, "", "127.0.0.1:0").Addr(), &codecs.Memory{}, nil)
	for n := int32(1); b.Loop(); n++ {
		if o, err := c.Change(b.Context(), grant("billing", n)); err != nil || !o.Applied {
			b.Fatal(o, err)
		}
	}
}
