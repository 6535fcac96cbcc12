package peers

import (
	"context"

	"payerflow/internal/topology"
)

type router struct{}

// ask asks whoever answers for a partition.
func (v *Views) ask(ctx context.Context, q topology.Question) (topology.Reply, error) {
	allowed := topology.Allowed(ctx)
	if allowed.Staleness != nil {
		q.Staleness, q.Fresh = *allowed.Staleness, true
	}
	q.AtLeast = append(q.AtLeast, allowed.AtLeast...)
	return v.local.Read(ctx, q)
}
