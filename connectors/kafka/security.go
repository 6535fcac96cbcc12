package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Option is a setting of a client, as [Security.Options] gives them.
type Option = kgo.Opt

// Mechanisms by which a client proves who it is.
const (
	Plain    = "PLAIN"
	Scram256 = "SCRAM-SHA-256"
	Scram512 = "SCRAM-SHA-512"
)

// Login is who a client is. Without a mechanism it is nobody.
type Login struct {
	Username  string `json:"username"`
	Password  string `json:"password"`
	Mechanism string `json:"mechanism"`
}

// String, GoString and LogValue name the user and nothing else.
func (l Login) String() string       { return l.Username }
func (l Login) GoString() string     { return l.Username }
func (l Login) LogValue() slog.Value { return slog.StringValue(l.Username) }

// Security is who a client is and how it speaks to the brokers. The zero value
// is nobody, in the clear.
type Security struct {
	Login

	TLS           bool
	CA, Cert, Key string // PEM files: authorities ("": this machine's), own certificate and key ("": none)
}

// Options are the settings of every client that has this security. Appending
// to them copies them. None sends the brokers its own telemetry (KIP-714): a
// worker has a hundred clients, each of which would ask for it when it starts
// and wait for it when it ends.
func (s Security) Options() ([]Option, error) {
	out := []Option{kgo.DisableClientMetrics()}
	switch s.Mechanism {
	case "":
	case Plain:
		out = append(out, kgo.SASL(plain.Auth{User: s.Username, Pass: s.Password}.AsMechanism()))
	case Scram256:
		out = append(out, kgo.SASL(scram.Auth{User: s.Username, Pass: s.Password}.AsSha256Mechanism()))
	case Scram512:
		out = append(out, kgo.SASL(scram.Auth{User: s.Username, Pass: s.Password}.AsSha512Mechanism()))
	default:
		return nil, fmt.Errorf("SASL mechanism %q is not known", s.Mechanism)
	}
	if !s.TLS {
		return slices.Clip(out), nil
	}
	c, err := s.tls()
	if err != nil {
		return nil, err
	}
	return slices.Clip(append(out, kgo.DialTLSConfig(c))), nil
}

func (s Security) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CA != "" {
		pem, err := os.ReadFile(s.CA)
		if err != nil {
			return nil, fmt.Errorf("authorities of the brokers: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("authorities of the brokers: %s holds no certificate in PEM form", s.CA)
		}
	}
	if s.Cert != "" {
		own, err := tls.LoadX509KeyPair(s.Cert, s.Key)
		if err != nil {
			return nil, fmt.Errorf("own certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}

// unanswered says what to do about a broker that does not let us ask anything.
func unanswered(brokers []string, err error) error {
	var hungUp *kgo.ErrFirstReadEOF
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return fmt.Errorf("the broker at %v refuses this user or password (see broker.sasl): %w", brokers, err)
	case errors.Is(err, kerr.UnsupportedSaslMechanism), errors.Is(err, kerr.IllegalSaslState):
		return fmt.Errorf("the broker at %v asks for another way to say who we are (see broker.sasl): %w", brokers, err)
	case errors.As(err, &hungUp):
		return fmt.Errorf("the broker at %v hangs up: it wants a user, another user or password, or TLS (see broker.sasl, broker.tls): %w", brokers, err)
	}
	return fmt.Errorf("no broker answers at %v (is it running? see broker.seeds): %w", brokers, err)
}
