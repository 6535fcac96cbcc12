package stage

import (
	"testing"

	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/internal/embedded"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// Broker starts a broker, on any free port where the configuration names none.
func Broker(t testing.TB, c embedded.BrokerConfig) *embedded.Broker {
	t.Helper()
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	b, err := embedded.StartBroker(t.Context(), c)
	Must(t, err)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// Topics makes topics on a broker that asks nobody who they are.
func Topics(t testing.TB, broker string, topics ...topology.Topic) {
	t.Helper()
	c, err := kafka.Dial(t.Context(), []string{broker})
	Must(t, err)
	defer c.Close()
	apply(t, c, topics)
}

// Cluster starts a broker with the mediator's topics, and a registry that has
// the schema of the firehose.
func Cluster(t testing.TB) (*embedded.Broker, *codecs.Registry) {
	t.Helper()
	b := Broker(t, embedded.BrokerConfig{})
	r, err := embedded.StartRegistry(t.Context(), embedded.RegistryConfig{Addr: "127.0.0.1:0", Brokers: []string{b.Addr()}})
	Must(t, err)
	t.Cleanup(func() { _ = r.Close() })
	Topics(t, b.Addr(), topologies.Mediator...)
	schemas := codecs.OpenRegistry(r.URL())
	_, err = schemas.Register(topologies.Firehose.Topic.Subject(), topologies.Firehose.Codec.Schema())
	Must(t, err)
	return b, schemas
}

// Make makes topics on the stage's broker.
func (s *Stage) Make(topics ...topology.Topic) { s.Helper(); apply(s, s.Client, topics) }

func apply(t testing.TB, c *kafka.Client, topics []topology.Topic) {
	t.Helper()
	r := kafka.Required.CappedTo(1)
	changes, err := c.Diff(t.Context(), topics, r)
	Must(t, err)
	Must(t, c.Apply(t.Context(), changes, r, func(kafka.Change) {}))
}
