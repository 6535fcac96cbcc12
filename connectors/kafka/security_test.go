package kafka

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// certificate writes a certificate that signs itself, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "payerflow test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	return cert, key
}

// TestSecurity asks a broker that speaks TLS with certificates on both sides,
// and wants a name.
func TestSecurity(t *testing.T) {
	cert, key := certificate(t)
	pair, err := tls.LoadX509KeyPair(cert, key)
	must(t, err)
	authorities := x509.NewCertPool()
	authorities.AddCert(pair.Leaf)
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: authorities, ClientAuth: tls.RequireAndVerifyClientCert}),
		kfake.Superuser(Plain, "plain", "p1"), kfake.Superuser(Scram256, "short", "p2"), kfake.Superuser(Scram512, "long", "p3"))
	must(t, err)
	t.Cleanup(broker.Close)
	ask := func(s Security) error {
		opts, err := s.Options()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		c, err := Dial(ctx, broker.ListenAddrs(), opts...)
		if err == nil {
			c.Close()
		}
		return err
	}
	good := Security{Login: Login{"long", "p3", Scram512}, TLS: true, CA: cert, Cert: cert, Key: key}
	for _, l := range []Login{good.Login, {"short", "p2", Scram256}, {"plain", "p1", Plain}} {
		s := good
		s.Login = l
		if err := ask(s); err != nil {
			t.Errorf("%s: %v", l.Mechanism, err)
		}
	}
	other, _ := certificate(t)
	for what, spoil := range map[string]func(*Security){
		"no TLS":               func(s *Security) { *s = Security{Login: s.Login} },
		"another authority":    func(s *Security) { s.CA = other },
		"no certificate":       func(s *Security) { s.Cert, s.Key = "", "" },
		"a wrong password":     func(s *Security) { s.Password = "canary" },
		"another mechanism":    func(s *Security) { s.Mechanism = Plain },
		"nobody":               func(s *Security) { s.Login = Login{} },
		"an unknown mechanism": func(s *Security) { s.Mechanism = "GSSAPI" },
		"no such authorities":  func(s *Security) { s.CA = filepath.Join(t.TempDir(), "none.pem") },
		"authorities' key":     func(s *Security) { s.CA = key },
		"a key of another":     func(s *Security) { s.Cert = other },
	} {
		s := good
		spoil(&s)
		if err := ask(s); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestSecurityPrintsTheUser(t *testing.T) {
	s := Security{Login: Login{"worker", "canary", Scram512}}
	if text := fmt.Sprintf("%v %+v %#v %s", s, s, s, s.Login); strings.Contains(text, "canary") || !strings.Contains(text, "worker") {
		t.Error(text)
	}
}
