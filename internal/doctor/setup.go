package doctor

import (
	"time"

	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// Setup is what a worker would be started with.
type Setup struct {
	Brokers     []string
	Client      []kafka.Option // who we are to them
	Registry    *codecs.Registry
	ExactlyOnce bool
	// SessionTimeout and TransactionTimeout are the engine's.
	SessionTimeout, TransactionTimeout time.Duration
	DataDir                            string // of the worker: its tables are in tables/

	Dev   bool // a cluster of fewer brokers than the catalogue asks for is meant so
	Probe bool // try transactions on a topic made for it

	Replica bool     // in place of a worker
	Views   []string // that it follows; nil: all

	Groups   []topology.Declared
	Topics   []topology.Topic // all that the application needs
	Subjects []topologies.Subject
}

// consumerGroups are the consumer groups of the declared groups: one that
// folds, and one for each other partition count among its inputs.
func consumerGroups(groups []topology.Declared) (out []string) {
	for _, g := range groups {
		out = append(out, g.Name)
		seen := map[int]bool{}
		for _, in := range g.Inputs {
			if n := in.Topic.Partitions; in.Whole && !seen[n] {
				seen[n] = true
				out = append(out, topology.FeedingGroup(g.Name, n))
			}
		}
	}
	return out
}

// longestKept is how long the input that is kept longest is kept, 0 for ever.
func longestKept(groups []topology.Declared) (longest time.Duration) {
	for _, g := range groups {
		for _, in := range g.Inputs {
			if in.Topic.Retention == 0 {
				return 0
			}
			longest = max(longest, in.Topic.Retention)
		}
	}
	return longest
}
