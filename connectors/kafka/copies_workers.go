package kafka

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
)

// Workers are the HTTP addresses of the workers that have announced themselves.
// Nobody else may write their topic, so that a request is passed on to none
// but a worker, whoever joins a group.
func (c *Copies) Workers(ctx context.Context) (map[string]bool, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	b, err := c.Bounds(ctx, topology.Members.Name)
	if err != nil {
		return nil, err
	}
	client, err := Dial(ctx, c.brokers, append([]kgo.Opt{kgo.ClientID("payerflow-workers"), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topology.Members.Name: {0: kgo.NewOffset().AtStart()}})}, c.opts...)...)
	if err != nil {
		return nil, unreachable(topology.Members.Name, err)
	}
	defer client.Close()
	addresses := map[string]string{}
	for next, end := b.Start.Next[0], b.End.Next[0]; next < end; {
		fetches := client.kafka.PollFetches(ctx)
		if err := errors.Join(fetches.Err0(), ctx.Err()); err != nil {
			return nil, unreachable(topology.Members.Name, err)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			next = r.Offset + 1
			var m struct {
				Address string `json:"address"`
			}
			delete(addresses, string(r.Key))
			if r.Value != nil && json.Unmarshal(r.Value, &m) == nil {
				addresses[string(r.Key)] = m.Address
			}
		}
	}
	out := map[string]bool{}
	for _, a := range addresses {
		out[a] = true
	}
	return out, nil
}
