package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/topologies"
)

// TryGraces shows a trial of grace policies the rows of all members, as their
// table holds them now. Synthetic members are not looked at.
func (r Recorded) TryGraces(ctx context.Context, trial *processors.GraceTrial) error {
	table := topologies.GracePeriods.TableOf()
	serde, err := table.Codec.Bind(r.Schemas, table.Topic.Name)
	if err != nil {
		return err
	}
	c, err := Dial(ctx, r.Brokers, r.Options...)
	if err != nil {
		return err
	}
	defer c.Close()
	todo, err := c.spans(ctx, time.Time{}, table.Topic.Name)
	if err != nil {
		return err
	}
	scan := scanner{brokers: r.Brokers, opts: r.Options, compacted: true, passed: func(int64) {}}
	return scan.scan(ctx, todo, func(rec *kgo.Record) error {
		key, synthetic := topology.EntityKey(string(rec.Key))
		switch {
		case synthetic:
			return nil
		case len(rec.Value) == 0:
			trial.Try(key, nil)
			return nil
		}
		row, err := serde.Decode(rec.Value)
		if err != nil {
			return fmt.Errorf("a row of %s: %w", table.Topic.Name, err)
		}
		trial.Try(key, &row)
		return nil
	})
}
