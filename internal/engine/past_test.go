package engine

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestAbortedRecordsAreThereForWhoReadsThem: a resume that takes aborted states
// for compacted ones begins anew for nothing.
func TestAbortedRecordsAreThereForWhoReadsThem(t *testing.T) {
	const topic = "table"
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	producer, err := kgo.NewClient(kgo.SeedBrokers(kafka.ListenAddrs()...), kgo.TransactionalID("t"), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := producer.ProduceSync(ctx, kgo.StringRecord("state")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := producer.EndTransaction(ctx, kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	cl, err := openCluster(Config{Brokers: kafka.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.client.Close)
	for isolation, want := range map[kgo.IsolationLevel]int64{kgo.ReadUncommitted(): 0, kgo.ReadCommitted(): 1} {
		if next, err := cl.past(ctx, topic, 0, 0, true, isolation); err != nil || next != want {
			t.Errorf("%v: on from %d, want %d: %v", isolation, next, want, err)
		}
	}
}
