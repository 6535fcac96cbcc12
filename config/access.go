package config

import (
	"errors"
	"fmt"
)

// SASL says who this process is to the brokers.
type SASL struct {
	// Mechanism is how it proves that: none, PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
	// Without a user nobody is named, except to the demonstration's own broker, whose credentials.json says who; none names nobody at all.
	Mechanism string `koanf:"mechanism" env:"PAYERFLOW_BROKER_SASL_MECHANISM"`
	// Username is the principal.
	Username string `koanf:"username" env:"PAYERFLOW_BROKER_SASL_USERNAME"`
	// Password is its secret; it is never printed.
	Password string `koanf:"password" env:"PAYERFLOW_BROKER_SASL_PASSWORD" secret:"true"`
	// PasswordFile is a file that holds the secret in its place. A line end after it is dropped.
	PasswordFile string `koanf:"password-file" env:"PAYERFLOW_BROKER_SASL_PASSWORD_FILE"`
}

// Mechanisms of SASL.
const (
	SASLNone     = "none"
	SASLPlain    = "PLAIN"
	SASLScram256 = "SCRAM-SHA-256"
	SASLScram512 = "SCRAM-SHA-512"
)

// Validate returns every fault at once. It never quotes the password.
func (s SASL) Validate() error {
	faults := []error{oneOf("broker.sasl.mechanism", s.Mechanism, SASLNone, SASLPlain, SASLScram256, SASLScram512)}
	if s.Password != "" && s.PasswordFile != "" {
		faults = append(faults, fault("broker.sasl.password", "and broker.sasl.password-file are both set", "one of them"))
	}
	secret := s.Password != "" || s.PasswordFile != ""
	switch {
	case s.Mechanism == SASLNone && (s.Username != "" || secret):
		faults = append(faults, fault("broker.sasl.mechanism", "is none, and a user or password is set", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 with them"))
	case s.Username == "" && secret:
		faults = append(faults, fault("broker.sasl.username", "is empty, and a password is set", "the principal"))
	case s.Username != "" && !secret:
		faults = append(faults, fault("broker.sasl.password", "is empty", "the secret, or broker.sasl.password-file"))
	}
	return errors.Join(faults...)
}

// String, GoString and MarshalText are safe to print and to log: the password is masked.
func (s SASL) String() string {
	if s.Password != "" {
		s.Password = Redacted
	}
	return fmt.Sprintf("{Mechanism:%s Username:%s Password:%s PasswordFile:%s}", s.Mechanism, s.Username, s.Password, s.PasswordFile)
}

// GoString is String.
func (s SASL) GoString() string { return s.String() }

// MarshalText is String, so that JSON logs are masked too.
func (s SASL) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// TLS says how connections to the brokers are kept private.
type TLS struct {
	// Enabled says whether they are at all.
	Enabled bool `koanf:"enabled" env:"PAYERFLOW_BROKER_TLS_ENABLED"`
	// CA is a PEM file of the authorities that the brokers' certificates come from; without it, those of this machine.
	CA string `koanf:"ca" env:"PAYERFLOW_BROKER_TLS_CA"`
	// Cert and Key are PEM files of this process's own certificate, for brokers that ask for one.
	Cert string `koanf:"cert" env:"PAYERFLOW_BROKER_TLS_CERT"`
	Key  string `koanf:"key" env:"PAYERFLOW_BROKER_TLS_KEY"`
}

// Validate returns every fault at once.
func (t TLS) Validate() error {
	var faults []error
	if !t.Enabled && (t.CA != "" || t.Cert != "" || t.Key != "") {
		faults = append(faults, fault("broker.tls.enabled", "is false, and a file is set", "true with broker.tls.ca, cert or key"))
	}
	if (t.Cert == "") != (t.Key == "") {
		faults = append(faults, fault("broker.tls.cert", "and broker.tls.key are not both set", "both or neither"))
	}
	return errors.Join(faults...)
}
