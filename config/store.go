package config

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Store says where events are kept beyond their topics' time.
type Store struct {
	// URI is the address of a MongoDB server; "" keeps nothing, but for the demonstration, which then has a store of its own.
	URI string `koanf:"uri" env:"PAYERFLOW_STORE_URI" secret:"true"`
	// Keep is how long the store keeps events, 0 for ever. Longer than any topic does: what a topic has is never missing from the store.
	Keep time.Duration `koanf:"keep" env:"PAYERFLOW_STORE_KEEP"`
}

// leastKeep is twice as long as any topic that expires keeps its records.
const leastKeep = 62 * 24 * time.Hour

// DefaultStore keeps nothing.
func DefaultStore() Store { return Store{} }

// Validate returns every fault at once. It never quotes the address, which may hold a password.
func (s Store) Validate() error {
	var address, keep error
	if s.URI != "" && !strings.HasPrefix(s.URI, "mongodb://") && !strings.HasPrefix(s.URI, "mongodb+srv://") {
		address = fault("store.uri", "is no such address", "nothing, or mongodb:// or mongodb+srv:// with a host")
	}
	if s.Keep != 0 && s.Keep < leastKeep {
		keep = fault("store.keep", fmt.Sprintf("is %s", s.Keep), fmt.Sprintf("0s for ever, or %s and more", leastKeep))
	}
	return errors.Join(address, keep)
}

// String, GoString and MarshalText are safe to print and to log: the address is masked.
func (s Store) String() string {
	if s.URI == "" {
		return fmt.Sprintf("{Keep:%s}", s.Keep)
	}
	return fmt.Sprintf("{URI:%s Keep:%s}", Redacted, s.Keep)
}

// GoString is String.
func (s Store) GoString() string { return s.String() }

// MarshalText is String, so that JSON logs are masked too.
func (s Store) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
