package config

import (
	"errors"
	"time"
)

// Engine says how the groups run: where their tables are kept, and how much one transaction holds.
type Engine struct {
	// DataDir is the folder of the local tables. It may be lost: it is filled again from the changelogs.
	DataDir string `koanf:"data-dir" env:"PAYERFLOW_ENGINE_DATA_DIR"`
	// Guarantee is what a crash may do to a fold: exactly-once needs a broker with transactions, at-least-once may fold records twice.
	Guarantee string `koanf:"guarantee" env:"PAYERFLOW_ENGINE_GUARANTEE"`
	// Standby is which table partitions of other workers this one follows, to take over without restoring them: none or all.
	Standby string `koanf:"standby" env:"PAYERFLOW_ENGINE_STANDBY"`
	// BatchRecords is how many records one transaction holds at most.
	BatchRecords int `koanf:"batch-records" env:"PAYERFLOW_ENGINE_BATCH_RECORDS"`
	// BatchInterval is how long a transaction stays open at most, and so how late an output can be seen.
	BatchInterval time.Duration `koanf:"batch-interval" env:"PAYERFLOW_ENGINE_BATCH_INTERVAL"`
	// SessionTimeout is how long a silent process keeps its partitions.
	SessionTimeout time.Duration `koanf:"session-timeout" env:"PAYERFLOW_ENGINE_SESSION_TIMEOUT"`
	// TransactionTimeout is after how long the broker gives up a transaction whose process is gone.
	TransactionTimeout time.Duration `koanf:"transaction-timeout" env:"PAYERFLOW_ENGINE_TRANSACTION_TIMEOUT"`
	// Freshness is how long a partition may go without being seen at the end of its inputs before it counts as stale.
	Freshness time.Duration `koanf:"freshness" env:"PAYERFLOW_ENGINE_FRESHNESS"`
}

// Guarantees of the engine.
const (
	ExactlyOnce = "exactly-once"
	AtLeastOnce = "at-least-once"
)

// Standbys of the engine.
const (
	StandbyNone = "none"
	StandbyAll  = "all"
)

// DefaultEngine suits one process and a broker nearby.
func DefaultEngine() Engine {
	return Engine{
		DataDir:            ".payerflow",
		Guarantee:          ExactlyOnce,
		Standby:            StandbyNone,
		BatchRecords:       10_000,
		BatchInterval:      100 * time.Millisecond,
		SessionTimeout:     10 * time.Second,
		TransactionTimeout: 20 * time.Second,
		Freshness:          10 * time.Second,
	}
}

// Validate returns every fault at once.
// The bounds on session and transaction are those of a broker with its own defaults
// (group.min/max.session.timeout.ms, transaction.max.timeout.ms): it would refuse what lies outside.
func (e Engine) Validate() error {
	faults := []error{
		oneOf("engine.guarantee", e.Guarantee, ExactlyOnce, AtLeastOnce),
		oneOf("engine.standby", e.Standby, StandbyNone, StandbyAll),
		between("engine.batch-records", e.BatchRecords, 1, 1_000_000),
		between("engine.batch-interval", e.BatchInterval, time.Millisecond, time.Minute),
		between("engine.session-timeout", e.SessionTimeout, 6*time.Second, 30*time.Minute),
		between("engine.transaction-timeout", e.TransactionTimeout, time.Second, 15*time.Minute),
		between("engine.freshness", e.Freshness, 100*time.Millisecond, 24*time.Hour),
	}
	if e.DataDir == "" {
		faults = append(faults, fault("engine.data-dir", "is empty", "the path of a folder"))
	}
	if e.BatchInterval >= e.TransactionTimeout {
		faults = append(faults, fault("engine.batch-interval", "is not below engine.transaction-timeout",
			"shorter, or the broker gives up each transaction before it is committed"))
	}
	if e.Freshness <= e.BatchInterval {
		faults = append(faults, fault("engine.freshness", "is not above engine.batch-interval",
			"longer, or a partition is stale between two transactions"))
	}
	return errors.Join(faults...)
}
