package peers_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"payerflow/internal/peers"
)

// TestAnAuthorityIsGoodForOneMachine: its key, in the wrong hands, opens nothing
// beyond loopback addresses.
func TestAnAuthorityIsGoodForOneMachine(t *testing.T) {
	a, err := peers.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	certPEM, keyPEM, err := a.Issue()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(a.Cert) {
		t.Fatal("no certificate in PEM form")
	}
	block, _ := pem.Decode(certPEM)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		for host, good := range map[string]bool{"127.0.0.1": true, "::1": true, "localhost": true, "10.0.0.1": false, "example.org": false} {
			_, err := cert.Verify(x509.VerifyOptions{DNSName: host, Roots: pool, KeyUsages: []x509.ExtKeyUsage{use}})
			if (err == nil) != good {
				t.Errorf("%s: %v", host, err)
			}
		}
	}
	root, _ := pem.Decode(a.Cert)
	ca, err := x509.ParseCertificate(root.Bytes)
	if err != nil || len(ca.PermittedIPRanges) != 2 || !ca.PermittedDNSDomainsCritical || !ca.MaxPathLenZero {
		t.Errorf("the authority is bound to nothing: %v", err)
	}
	other, err := peers.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	strangers := x509.NewCertPool()
	strangers.AppendCertsFromPEM(other.Cert)
	if _, err := cert.Verify(x509.VerifyOptions{DNSName: "127.0.0.1", Roots: strangers}); err == nil {
		t.Error("another authority's certificate is taken")
	}
	if _, _, err := (peers.Authority{Cert: a.Cert, Key: []byte("none")}).Issue(); err == nil {
		t.Error("signed without a key")
	}
}
