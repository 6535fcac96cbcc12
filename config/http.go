package config

import (
	"errors"
	"time"
)

// HTTP says where this process answers requests, and how long it waits for a caller.
type HTTP struct {
	// Addr is where it listens: host:port. No host means every interface, port 0 a free one.
	Addr string `koanf:"addr" env:"PAYERFLOW_HTTP_ADDR"`
	// ReadHeaderTimeout is how long a caller may take to send its headers.
	ReadHeaderTimeout time.Duration `koanf:"read-header-timeout" env:"PAYERFLOW_HTTP_READ_HEADER_TIMEOUT"`
	// ShutdownTimeout is how long requests under way may take to end when the process stops.
	ShutdownTimeout time.Duration `koanf:"shutdown-timeout" env:"PAYERFLOW_HTTP_SHUTDOWN_TIMEOUT"`
}

// DefaultHTTP answers this machine only.
func DefaultHTTP() HTTP {
	return HTTP{Addr: "127.0.0.1:8080", ReadHeaderTimeout: 5 * time.Second, ShutdownTimeout: 10 * time.Second}
}

// Validate returns every fault at once.
func (h HTTP) Validate() error {
	return errors.Join(
		listenable("http.addr", h.Addr),
		between("http.read-header-timeout", h.ReadHeaderTimeout, time.Millisecond, 5*time.Minute),
		between("http.shutdown-timeout", h.ShutdownTimeout, time.Millisecond, 10*time.Minute),
	)
}
