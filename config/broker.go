package config

import (
	"errors"
	"fmt"
	"slices"
)

// Broker says which Kafka cluster holds the streams.
type Broker struct {
	// Seeds are the host:port addresses asked first; one that answers is enough.
	Seeds []string `koanf:"seeds" env:"PAYERFLOW_BROKER_SEEDS"`
	// ClientID names this process in the broker's logs and quotas.
	ClientID string `koanf:"client-id" env:"PAYERFLOW_BROKER_CLIENT_ID"`
	// SASL says who this process is.
	SASL SASL `koanf:"sasl"`
	// TLS says how connections are kept private.
	TLS TLS `koanf:"tls"`
}

// DefaultBroker is a broker on this machine.
func DefaultBroker() Broker {
	return Broker{Seeds: []string{"127.0.0.1:9092"}, ClientID: "payerflow", SASL: SASL{Mechanism: SASLScram512}}
}

// Validate returns every fault at once.
func (b Broker) Validate() error {
	var faults []error
	if len(b.Seeds) == 0 {
		faults = append(faults, fault("broker.seeds", "is empty", "one or more host:port addresses"))
	}
	for i, seed := range b.Seeds {
		faults = append(faults, dialable(fmt.Sprintf("broker.seeds[%d]", i), seed))
		if slices.Contains(b.Seeds[:i], seed) {
			faults = append(faults, fault("broker.seeds", fmt.Sprintf("has %q twice", seed), "each address once"))
		}
	}
	if b.ClientID == "" {
		faults = append(faults, fault("broker.client-id", "is empty", legalName))
	} else {
		faults = append(faults, name("broker.client-id", b.ClientID))
	}
	return errors.Join(append(faults, b.SASL.Validate(), b.TLS.Validate())...)
}
