// Package config answers how this process is set up: which keys exist, what they are when nobody says, and which values are legal.
//
// A value comes from the defaults, then the YAML file, then the environment, then the flags; the later one wins.
// The name in the environment follows from the key: engine.batch-records is PAYERFLOW_ENGINE_BATCH_RECORDS.
package config

import "errors"

// Config is the whole configuration of a payerflow process.
type Config struct {
	Broker   Broker   `koanf:"broker"`
	Registry Registry `koanf:"registry"`
	HTTP     HTTP     `koanf:"http"`
	Engine   Engine   `koanf:"engine"`
	Peers    Peers    `koanf:"peers"`
	Security Security `koanf:"security"`
	Demo     Demo     `koanf:"demo"`
	KaaS     KaaS     `koanf:"kaas"`
	DLQ      DLQ      `koanf:"dlq"`
	Store    Store    `koanf:"store"`
	Log      Log      `koanf:"log"`
	Tracing  Tracing  `koanf:"tracing"`
}

// Default is the configuration when nothing is said; it is legal, and reference.yaml says the same.
func Default() Config {
	return Config{
		Broker:   DefaultBroker(),
		Registry: DefaultRegistry(),
		HTTP:     DefaultHTTP(),
		Engine:   DefaultEngine(),
		Peers:    DefaultPeers(),
		Security: DefaultSecurity(),
		Demo:     DefaultDemo(),
		KaaS:     DefaultKaaS(),
		DLQ:      DefaultDLQ(),
		Store:    DefaultStore(),
		Log:      DefaultLog(),
		Tracing:  DefaultTracing(),
	}
}

// Validate returns every fault at once, each with the key, what is wrong with it, and what is legal.
func (c Config) Validate() error {
	return errors.Join(
		c.Broker.Validate(),
		c.Registry.Validate(),
		c.HTTP.Validate(),
		c.Engine.Validate(),
		c.Peers.Validate(),
		c.Security.Validate(),
		c.Demo.Validate(),
		c.KaaS.Validate(),
		c.DLQ.Validate(),
		c.Store.Validate(),
		c.Log.Validate(),
		c.Tracing.Validate(),
	)
}
