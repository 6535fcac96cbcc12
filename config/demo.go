package config

import (
	"errors"
	"fmt"
)

// Demo says how the demonstration runs, with broker, registry and made-up traffic in one process.
type Demo struct {
	// KafkaAddr is where the embedded broker listens: host:port, port 0 for a free one.
	KafkaAddr string `koanf:"kafka-addr" env:"PAYERFLOW_DEMO_KAFKA_ADDR"`
	// RegistryAddr is where the embedded registry listens: host:port, port 0 for a free one.
	RegistryAddr string `koanf:"registry-addr" env:"PAYERFLOW_DEMO_REGISTRY_ADDR"`
	// Rate is how many events are made up in a second.
	Rate float64 `koanf:"rate" env:"PAYERFLOW_DEMO_RATE"`
	// Seed fixes what is made up: the same seed, the same events.
	Seed uint64 `koanf:"seed" env:"PAYERFLOW_DEMO_SEED"`
	// Traffic says whether anything is made up at all.
	Traffic bool `koanf:"traffic" env:"PAYERFLOW_DEMO_TRAFFIC"`
	// Store says whether events are kept in an event store of the demonstration's own, where store.uri names no other.
	Store bool `koanf:"store" env:"PAYERFLOW_DEMO_STORE"`
}

// DefaultDemo listens where DefaultBroker and DefaultRegistry look.
func DefaultDemo() Demo {
	return Demo{KafkaAddr: "127.0.0.1:9092", RegistryAddr: "127.0.0.1:8081", Rate: 20, Seed: 1, Traffic: true, Store: true}
}

// Validate returns every fault at once.
func (d Demo) Validate() error {
	const highest = 100_000
	faults := []error{
		listenable("demo.kafka-addr", d.KafkaAddr),
		listenable("demo.registry-addr", d.RegistryAddr),
	}
	if !(d.Rate > 0 && d.Rate <= highest) { // so written because NaN fails every comparison
		faults = append(faults, fault("demo.rate", fmt.Sprintf("is %v", d.Rate),
			fmt.Sprintf("above 0 and up to %d events a second; demo.traffic: false makes none", highest)))
	}
	return errors.Join(faults...)
}
