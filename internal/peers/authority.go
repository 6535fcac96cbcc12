package peers

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Authority signs certificates of workers of one machine: what it signs is good
// for loopback addresses alone, whatever it says. In PEM form.
type Authority struct{ Cert, Key []byte }

const (
	authorityLife   = 10 * 366 * 24 * time.Hour
	certificateLife = 366 * 24 * time.Hour
	clockSkew       = time.Hour // of what was made a moment ago
)

var (
	loopback4 = net.IPNet{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}
	loopback6 = net.IPNet{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)}
)

const localhost = "localhost"

// NewAuthority makes one.
func NewAuthority() (Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Authority{}, err
	}
	template := certificate("payerflow workers of one machine", authorityLife)
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign
	template.PermittedDNSDomainsCritical, template.PermittedDNSDomains = true, []string{localhost}
	template.PermittedIPRanges = []*net.IPNet{&loopback4, &loopback6}
	cert, private, err := sign(template, template, key, key)
	return Authority{cert, private}, err
}

// Issue makes a certificate of a worker, with its key, both in PEM form.
func (a Authority) Issue() (cert, key []byte, err error) {
	parent, signer, err := a.open()
	if err != nil {
		return nil, nil, err
	}
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := certificate("payerflow worker", certificateLife)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.IPAddresses, template.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, []string{localhost}
	return sign(template, parent, own, signer)
}

func (a Authority) open() (*x509.Certificate, crypto.Signer, error) {
	cert, _ := pem.Decode(a.Cert)
	key, _ := pem.Decode(a.Key)
	if cert == nil || key == nil {
		return nil, nil, errors.New("an authority is not in PEM form")
	}
	parent, err := x509.ParseCertificate(cert.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("certificate of an authority: %w", err)
	}
	private, err := x509.ParsePKCS8PrivateKey(key.Bytes)
	if err != nil {
		return nil, nil, errors.New("key of an authority: not in PKCS #8 form")
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, nil, errors.New("key of an authority: cannot sign")
	}
	return parent, signer, nil
}

func certificate(name string, life time.Duration) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-clockSkew), NotAfter: now.Add(life)}
}

func sign(template, parent *x509.Certificate, own *ecdsa.PrivateKey, signer crypto.Signer) (cert, key []byte, err error) {
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &own.PublicKey, signer)
	if err != nil {
		return nil, nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), nil
}
