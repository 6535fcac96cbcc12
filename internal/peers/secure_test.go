package peers_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"payerflow/internal/peers"
	"payerflow/internal/topology"
)

// authority signs certificates of workers.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "workers"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{t, key, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// issue writes the files of a worker that is good until then.
func (a *authority) issue(dir string, until time.Time) peers.Security {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "worker"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	s := peers.Security{CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	for path, b := range map[string][]byte{s.CA: a.pem, s.Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		s.Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return s
}

var noSecurity peers.Security

// serving is a worker that has the row of "k", on an address of this machine.
func serving(t *testing.T, s peers.Security) topology.Holder {
	t.Helper()
	return listening(t, s, shards{row: []byte("row")}, directory{self: "there"})
}

func servingFrom(t *testing.T, has shards, d directory) topology.Holder {
	t.Helper()
	return listening(t, noSecurity, has, d)
}

func listening(t *testing.T, s peers.Security, has shards, d directory) topology.Holder {
	t.Helper()
	server, err := peers.Listen(context.Background(), "127.0.0.1:0", s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(has, d) }()
	t.Cleanup(func() { _ = server.Close(context.Background()) })
	return topology.Holder{Instance: d.self, Address: server.Addr(), Owner: true, Generation: 1}
}

func asking(t *testing.T, s peers.Security, timeout time.Duration, holders ...topology.Holder) *peers.Views {
	t.Helper()
	v, err := peers.Open(shards{}, directory{self: "here", holders: holders}, peers.Options{Security: s, Timeout: timeout, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// TestWorkersKnowOneAnother asks over TLS with certificates that fit, and with
// those that do not.
func TestWorkersKnowOneAnother(t *testing.T) {
	ours, theirs, soon := newAuthority(t), newAuthority(t), time.Now().Add(time.Hour)
	good := ours.issue(t.TempDir(), soon)
	mixed := theirs.issue(t.TempDir(), soon) // another authority's worker, that trusts ours
	mixed.CA = good.CA
	for name, c := range map[string]struct {
		server, client peers.Security
		answered       bool
	}{
		"both ours":                    {good, ours.issue(t.TempDir(), soon), true},
		"client of another authority":  {good, mixed, false},
		"server of another authority":  {mixed, good, false},
		"client whose time is over":    {good, ours.issue(t.TempDir(), time.Now().Add(-time.Hour)), false},
		"server whose time is over":    {ours.issue(t.TempDir(), time.Now().Add(-time.Hour)), good, false},
		"client without a certificate": {good, peers.Security{}, false},
		"server in the clear":          {peers.Security{}, good, false},
	} {
		t.Run(name, func(t *testing.T) {
			patience := time.Second // who is refused asks again for as long
			if c.answered {
				patience = 10 * time.Second
			}
			v := asking(t, c.client, patience, serving(t, c.server))
			a, err := v.Get(context.Background(), "view", "k", false)
			if c.answered != (err == nil) {
				t.Fatalf("%v", err)
			}
			if err == nil && string(a.Stored) != "row" {
				t.Errorf("%q", a.Stored)
			}
			if away := (*topology.AwayError)(nil); err != nil && !errors.As(err, &away) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestCertificatesAreReadAgain takes a worker whose time is over, and renews its
// files under it.
func TestCertificatesAreReadAgain(t *testing.T) {
	ours, dir := newAuthority(t), t.TempDir()
	there := serving(t, ours.issue(dir, time.Now().Add(-time.Minute)))
	v := asking(t, ours.issue(t.TempDir(), time.Now().Add(time.Hour)), 500*time.Millisecond, there)
	if _, err := v.Get(context.Background(), "view", "k", false); err == nil {
		t.Fatal("a certificate whose time is over was taken")
	}
	ours.issue(dir, time.Now().Add(time.Hour))
	eventually(t, "an answer with the new certificate", func() bool {
		_, err := v.Get(context.Background(), "view", "k", false)
		return err == nil
	})
}

// TestNothingInTheClearLeavesTheMachine holds both ends to loopback addresses.
func TestNothingInTheClearLeavesTheMachine(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.org:0"} {
		if _, err := peers.Listen(context.Background(), address, peers.Security{}, slog.New(slog.DiscardHandler)); !errors.Is(err, peers.ErrPlain) {
			t.Errorf("%s: %v", address, err)
		}
	}
	v := asking(t, peers.Security{}, 300*time.Millisecond, topology.Holder{Instance: "there", Address: "192.0.2.1:9", Owner: true})
	if _, err := v.Get(context.Background(), "view", "k", false); !errors.Is(err, peers.ErrPlain) {
		t.Errorf("%v", err)
	}
}
