package embedded

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-smtp"
)

// InboxConfig says where mail comes in, and whose.
type InboxConfig struct {
	Addr   string // host:port, port 0 for a free one
	Dir    string // keeps each mail that was taken, in a file of this user alone
	Takes  func(to string) bool
	Taken  func(ctx context.Context, to string, raw []byte) error // an error: the sender tries again
	Logger *slog.Logger
}

// Inbox is an SMTP server that keeps what it gets. It passes nothing on.
type Inbox struct {
	cfg    InboxConfig
	server *smtp.Server
	ln     net.Listener
	done   chan struct{}
}

// Bounds of a mail and of a connection.
const (
	maxMail       = 1 << 20
	maxRecipients = 5
	mailTimeout   = 30 * time.Second
)

// StartInbox listens until Close.
func StartInbox(ctx context.Context, cfg InboxConfig) (*Inbox, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	b := &Inbox{cfg: cfg, ln: ln, done: make(chan struct{})}
	b.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{inbox: b}, nil }))
	b.server.Domain, b.server.MaxMessageBytes, b.server.MaxRecipients = "payerflow", maxMail, maxRecipients
	b.server.ReadTimeout, b.server.WriteTimeout = mailTimeout, mailTimeout
	b.server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug) // it would quote addresses
	go func() {
		defer close(b.done)
		_ = b.server.Serve(ln) // ends with Close
	}()
	return b, nil
}

// Addr is where the inbox listens.
func (b *Inbox) Addr() string { return b.ln.Addr().String() }

// Close ends all connections.
func (b *Inbox) Close() error {
	err := b.server.Close()
	<-b.done
	return err
}

// mailSession is one connection.
type mailSession struct {
	inbox *Inbox
	to    []string
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s *mailSession) Reset()                               { s.to = nil }
func (s *mailSession) Logout() error                        { return nil }

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !s.inbox.cfg.Takes(to) {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), mailTimeout)
	defer cancel()
	if err = s.inbox.keep(raw); err == nil {
		for _, to := range s.to {
			err = errors.Join(err, s.inbox.cfg.Taken(ctx, to, raw))
		}
	}
	if err != nil {
		s.inbox.cfg.Logger.Warn("a mail could not be taken yet", "error", err)
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try again later"}
	}
	return nil
}

const mailSuffix = ".eml"

// keep writes a mail. One with the same Message-ID takes the place of the one
// before: it was sent twice.
func (b *Inbox) keep(raw []byte) error {
	name := sha256.Sum256(raw)
	if m, err := mail.CreateReader(bytes.NewReader(raw)); err == nil {
		if id := m.Header.Get("Message-Id"); id != "" {
			name = sha256.Sum256([]byte(id))
		}
		_ = m.Close()
	}
	f, err := os.CreateTemp(b.cfg.Dir, ".mail-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone where it was renamed
	_, err = f.Write(raw)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(b.cfg.Dir, hex.EncodeToString(name[:])+mailSuffix))
}

// Mail is one mail that was kept.
type Mail struct {
	At      time.Time `json:"at"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	ReplyTo string    `json:"replyTo,omitempty"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
}

// Mails are the mails of a folder, oldest first.
func Mails(dir string) (out []Mail, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), mailSuffix) {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if m, err := readMail(raw); err == nil {
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b Mail) int { return a.At.Compare(b.At) })
	return out, nil
}

func readMail(raw []byte) (m Mail, err error) {
	r, err := mail.CreateReader(bytes.NewReader(raw))
	if err != nil {
		return m, err
	}
	defer r.Close()
	m.At, _ = r.Header.Date()
	m.From, m.To, m.ReplyTo = r.Header.Get("From"), r.Header.Get("To"), r.Header.Get("Reply-To")
	m.Subject, _ = r.Header.Subject()
	part, err := r.NextPart()
	if err != nil {
		return m, nil // it has no text
	}
	text, err := io.ReadAll(part.Body)
	m.Text = string(text)
	return m, err
}
