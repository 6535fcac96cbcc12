package peers

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"
)

// Security is how workers know one another: PEM files of the authority, and of
// this worker's certificate and key. The zero value is none: then they speak
// on loopback addresses alone.
type Security struct{ CA, Cert, Key string }

// ErrPlain says that an address is not of this machine, and nothing protects
// what would be sent there.
var ErrPlain = errors.New("without peers.tls workers speak to one another on loopback addresses alone; set peers.tls.ca, cert and key, or a loopback address")

// identity is a Security as the files say at the moment.
type identity struct {
	files  Security
	log    *slog.Logger
	mu     sync.Mutex
	looked time.Time
	raw    [3][]byte
	now    *secured
}

type secured struct {
	pool *x509.CertPool
	cert *tls.Certificate
}

// lookEvery is how soon files that have changed are seen.
const lookEvery = time.Second

// openIdentity reads the files; nil where there are none.
func openIdentity(s Security, log *slog.Logger) (*identity, error) {
	if s == (Security{}) {
		return nil, nil //nolint:nilnil // no security is no fault
	}
	id := &identity{files: s, log: log}
	if err := id.read(); err != nil {
		return nil, err
	}
	return id, nil
}

// current is what the files say. Files that do not fit are reported, and what
// they said before stays.
func (id *identity) current() *secured {
	id.mu.Lock()
	defer id.mu.Unlock()
	if time.Since(id.looked) > lookEvery {
		if err := id.read(); err != nil {
			id.log.Warn("certificates of peers.tls stay as they were", "error", err)
		}
	}
	return id.now
}

func (id *identity) read() error {
	id.looked = time.Now()
	var raw [3][]byte
	for i, path := range []string{id.files.CA, id.files.Cert, id.files.Key} {
		b, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("peers.tls: %w", err)
		}
		raw[i] = b
	}
	if id.now != nil && bytes.Equal(raw[0], id.raw[0]) && bytes.Equal(raw[1], id.raw[1]) && bytes.Equal(raw[2], id.raw[2]) {
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw[0]) {
		return fmt.Errorf("peers.tls.ca: %s holds no certificate in PEM form", id.files.CA)
	}
	cert, err := tls.X509KeyPair(raw[1], raw[2])
	if err != nil {
		return fmt.Errorf("peers.tls.cert and key: %w", err)
	}
	id.raw, id.now = raw, &secured{pool, &cert}
	return nil
}

// server asks whoever comes for a certificate of the authority.
func (id *identity) server() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		now := id.current()
		return &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}, Certificates: []tls.Certificate{*now.cert},
			ClientCAs: now.pool, ClientAuth: tls.RequireAndVerifyClientCert}, nil
	}}
}

// client shows our certificate, and wants one of the authority for the host.
func (id *identity) client(host string) *tls.Config {
	now := id.current()
	return &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}, ServerName: host, RootCAs: now.pool, Certificates: []tls.Certificate{*now.cert}}
}

// loopback says whether an address is of this machine alone.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
