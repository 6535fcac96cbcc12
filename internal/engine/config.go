package engine

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"payerflow/internal/topology"
)

// Config is what the engine needs to know about its surroundings.
type Config struct {
	Brokers []string
	DataDir string // state, lock and instance id of this worker

	Address string // where this worker answers HTTP, for its announcement
	Peer    string // where it answers other workers, for the same

	AtLeastOnce bool     // no transactions: a crash may fold records twice
	Standby     bool     // follow the table partitions of other workers too
	Follows     bool     // fold nothing: follow the tables of views, see Engine.Follow
	Views       []string // that are followed; nil: all

	BatchRecords       int           // bound of one transaction, records
	BatchInterval      time.Duration // bound of one transaction, time
	SessionTimeout     time.Duration
	TransactionTimeout time.Duration
	Freshness          time.Duration // not seen at the end of its inputs for longer: stale

	Effects map[string]Effector // what topology.Effects groups do, by name
	// Pins give the values that groups are pinned to, by name of the group. An
	// error holds what was read until it is gone.
	Pins map[string]func() (topology.Pinned, error)

	// Folds are fingerprints of what the rows of groups follow from, by name. A
	// table that was begun with another one says so.
	Folds map[string]string

	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: none
	Traces  trace.TracerProvider  // nil: none
	// Describe says what spans may show of an event, by its headers: its type and
	// tags where they are registered. nil: nothing.
	Describe func(eventType, tags string) (name string, shown []string, known bool)
	Client   []kgo.Opt // for every client: TLS, SASL, hooks
}
