package config

import (
	"errors"
	"net"
	"time"
)

// Peers says how workers ask one another for rows.
type Peers struct {
	// Listen is where other workers ask: host:port. Without tls it is a loopback address.
	Listen string `koanf:"listen" env:"PAYERFLOW_PEERS_LISTEN"`
	// Advertise is that address as other workers reach it; empty stands for the one that is listened on.
	Advertise string `koanf:"advertise" env:"PAYERFLOW_PEERS_ADVERTISE"`
	// Timeout is how long a request may take that does not say it, with all workers that are asked.
	Timeout time.Duration `koanf:"timeout" env:"PAYERFLOW_PEERS_TIMEOUT"`
	// MaxStaleness is how old a copy may be that answers in place of a partition's owner, where the request does not say; 0 for none.
	MaxStaleness time.Duration `koanf:"max-staleness" env:"PAYERFLOW_PEERS_MAX_STALENESS"`
	// TLS says how workers know one another.
	TLS PeersTLS `koanf:"tls"`
}

// PeersTLS says how workers know one another: both sides show a certificate of the authority.
type PeersTLS struct {
	// CA is a PEM file of the authority that all workers' certificates come from.
	CA string `koanf:"ca" env:"PAYERFLOW_PEERS_TLS_CA"`
	// Cert is a PEM file of this worker's certificate, for the host that it advertises, and as a client.
	Cert string `koanf:"cert" env:"PAYERFLOW_PEERS_TLS_CERT"`
	// Key is a PEM file of its key.
	Key string `koanf:"key" env:"PAYERFLOW_PEERS_TLS_KEY"`
}

// DefaultPeers speaks with workers of this machine only.
func DefaultPeers() Peers { return Peers{Listen: "127.0.0.1:0", Timeout: 2 * time.Second} }

// Validate returns every fault at once.
func (p Peers) Validate() error {
	faults := []error{
		listenable("peers.listen", p.Listen),
		between("peers.timeout", p.Timeout, 10*time.Millisecond, time.Minute),
		between("peers.max-staleness", p.MaxStaleness, 0, 24*time.Hour),
	}
	if p.Advertise != "" {
		faults = append(faults, dialable("peers.advertise", p.Advertise))
	}
	set := 0
	for _, file := range []string{p.TLS.CA, p.TLS.Cert, p.TLS.Key} {
		if file != "" {
			set++
		}
	}
	host, _, _ := net.SplitHostPort(p.Listen)
	ip := net.ParseIP(host)
	switch {
	case set != 0 && set != 3:
		faults = append(faults, fault("peers.tls", "names some files and not others", "ca, cert and key, or none of them"))
	case set == 0 && host != "localhost" && (ip == nil || !ip.IsLoopback()):
		faults = append(faults, fault("peers.listen", "reaches beyond this machine without peers.tls", "a loopback address, or peers.tls.ca, cert and key"))
	case set == 3 && p.Advertise == "" && (host == "" || ip != nil && ip.IsUnspecified()):
		faults = append(faults, fault("peers.advertise", "is empty, and peers.listen names no host", "host:port at which other workers reach this one"))
	}
	return errors.Join(faults...)
}
