package config

import (
	"errors"
	"net/mail"
	"time"
)

// KaaS says how requests for topics are answered: Kafka as a service.
type KaaS struct {
	// AnswerWithin is how long a request waits for its approver.
	AnswerWithin time.Duration `koanf:"answer-within" env:"PAYERFLOW_KAAS_ANSWER_WITHIN"`
	// Approver is who is asked: a mail address.
	Approver string `koanf:"approver" env:"PAYERFLOW_KAAS_APPROVER"`
	// From is who asks; answers go to addresses of the same domain.
	From string `koanf:"from" env:"PAYERFLOW_KAAS_FROM"`
	// InboxAddr is where answers are taken by SMTP: host:port, port 0 for a free one.
	InboxAddr string `koanf:"inbox-addr" env:"PAYERFLOW_KAAS_INBOX_ADDR"`
	SMTP      SMTP   `koanf:"smtp"`
}

// SMTP is the mail server that sends.
type SMTP struct {
	// Addr is host:port; "" stands for the inbox itself, which shows what it got.
	Addr string `koanf:"addr" env:"PAYERFLOW_KAAS_SMTP_ADDR"`
	// TLS is how the connection is kept private: none, starttls or tls.
	TLS string `koanf:"tls" env:"PAYERFLOW_KAAS_SMTP_TLS"`
	// Username is who we are to the server, "" for nobody.
	Username string `koanf:"username" env:"PAYERFLOW_KAAS_SMTP_USERNAME"`
	// Password is its secret; it is never printed.
	Password string `koanf:"password" env:"PAYERFLOW_KAAS_SMTP_PASSWORD" secret:"true"`
}

// Ways to keep a connection to a mail server private.
const (
	SMTPPlain    = "none"
	SMTPStartTLS = "starttls"
	SMTPTLS      = "tls"
)

// DefaultKaaS mails to the inbox of this machine.
func DefaultKaaS() KaaS {
	return KaaS{AnswerWithin: 5 * time.Minute, Approver: "approver@payerflow.example", From: "kaas@payerflow.example", InboxAddr: "127.0.0.1:2525", SMTP: SMTP{TLS: SMTPStartTLS}}
}

// Validate returns every fault at once.
func (k KaaS) Validate() error {
	faults := []error{
		between("kaas.answer-within", k.AnswerWithin, time.Second, 30*24*time.Hour),
		mailbox("kaas.approver", k.Approver), mailbox("kaas.from", k.From),
		listenable("kaas.inbox-addr", k.InboxAddr),
		oneOf("kaas.smtp.tls", k.SMTP.TLS, SMTPPlain, SMTPStartTLS, SMTPTLS),
	}
	if k.SMTP.Addr != "" {
		faults = append(faults, dialable("kaas.smtp.addr", k.SMTP.Addr))
	}
	if k.SMTP.Username != "" && k.SMTP.TLS == SMTPPlain {
		faults = append(faults, fault("kaas.smtp.tls", "is none with a password", "starttls, tls"))
	}
	return errors.Join(faults...)
}

func mailbox(key, value string) error {
	if a, err := mail.ParseAddress(value); err == nil && a.Address == value {
		return nil
	}
	return fault(key, "is not a mail address", "name@domain")
}

// String, GoString and MarshalText are safe to print and to log: the password
// is masked.
func (s SMTP) String() string {
	return "{Addr:" + s.Addr + " TLS:" + s.TLS + " Username:" + s.Username + " Password:" + Redacted + "}"
}

// GoString is String.
func (s SMTP) GoString() string { return s.String() }

// MarshalText is String, so that JSON logs are masked too.
func (s SMTP) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
