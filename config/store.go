package config

import "strings"

// Store says where events are kept beyond their topics' time.
type Store struct {
	// URI is the address of a MongoDB server; "" keeps nothing, but for the demonstration, which then has a store of its own.
	URI string `koanf:"uri" env:"PAYERFLOW_STORE_URI" secret:"true"`
}

// DefaultStore keeps nothing.
func DefaultStore() Store { return Store{} }

// Validate returns the fault. It never quotes the address, which may hold a password.
func (s Store) Validate() error {
	if s.URI == "" || strings.HasPrefix(s.URI, "mongodb://") || strings.HasPrefix(s.URI, "mongodb+srv://") {
		return nil
	}
	return fault("store.uri", "is no such address", "nothing, or mongodb:// or mongodb+srv:// with a host")
}

// String, GoString and MarshalText are safe to print and to log: the address is masked.
func (s Store) String() string {
	if s.URI == "" {
		return "{}"
	}
	return "{URI:" + Redacted + "}"
}

// GoString is String.
func (s Store) GoString() string { return s.String() }

// MarshalText is String, so that JSON logs are masked too.
func (s Store) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
