package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
)

// digested is an order-free digest of rows.
type digested [16]byte

func (d *digested) add(row [16]byte) {
	for i := range d {
		d[i] ^= row[i]
	}
}

func (d *digested) String() string { return hex.EncodeToString(d[:8]) }

// statusRow is what is digested of a row of the peers: its decoded value, for
// Avro may write one value in several ways.
func statusRow(value []byte) ([16]byte, error) {
	row, err := statusCodec.Decode(value)
	h := sha256.Sum256(fmt.Appendf(nil, "%q", row))
	return [16]byte(h[:]), err
}

// digest reads a topic of rows and returns the number of keys and a digest of
// the newest row of each.
func digest(ctx context.Context, topic string, of func(value []byte) ([16]byte, error)) (keys int, sum string) {
	c := newClient(kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.ConsumeTopics(topic))
	defer c.Close()
	ends, err := kadm.NewClient(c).ListEndOffsets(ctx, topic)
	must(err)
	missing := map[int32]bool{}
	ends.Each(func(o kadm.ListedOffset) { missing[o.Partition] = o.Offset > 0 })
	newest := map[string][16]byte{}
	for count(missing) > 0 {
		f := c.PollFetches(ctx)
		f.EachError(func(_ string, _ int32, err error) { must(err) })
		f.EachRecord(func(r *kgo.Record) {
			end, _ := ends.Lookup(topic, r.Partition)
			if r.Offset+1 >= end.Offset {
				missing[r.Partition] = false
			}
			if r.Attrs.IsControl() {
				return
			}
			if topology.Partition(r.Key, partitions) != r.Partition {
				must(fmt.Errorf("%s/%d holds a key of another partition", topic, r.Partition))
			}
			h, err := of(r.Value)
			must(err)
			newest[string(r.Key)] = h
		})
	}
	var all digested
	for _, h := range newest {
		all.add(h)
	}
	return len(newest), all.String()
}

func count(m map[int32]bool) (n int) {
	for _, yes := range m {
		if yes {
			n++
		}
	}
	return n
}

// await asks every 50 ms until the answer is yes.
func await(ctx context.Context, done func() bool) {
	t := time.NewTicker(50 * time.Millisecond)
	defer t.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			must(context.Cause(ctx))
		case <-t.C:
		}
	}
}
