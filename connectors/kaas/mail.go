package kaas

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"payerflow/events"
)

// Letter is a mail that asks for approval.
type Letter struct {
	MessageID, To, ReplyTo, Subject, Text string
}

// Mailer sends mails by SMTP.
type Mailer struct {
	Addr               string // host:port
	From               string
	TLS                string // none, starttls or tls
	Username, Password string
}

// Ways to keep the connection private.
const (
	startTLS = "starttls"
	allTLS   = "tls"
)

// Send gives a mail to the server, and returns when it has taken it.
func (m Mailer) Send(ctx context.Context, l Letter) error {
	msg := mail.NewMsg()
	for _, err := range []error{msg.From(m.From), msg.To(l.To), msg.ReplyTo(l.ReplyTo)} {
		if err != nil {
			return fmt.Errorf("the letter has no legal address: %w", err)
		}
	}
	msg.Subject(l.Subject)
	msg.SetMessageIDWithValue(l.MessageID)
	msg.SetDate()
	msg.SetBodyString(mail.TypeTextPlain, l.Text)
	host, text, err := net.SplitHostPort(m.Addr)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	opts := []mail.Option{mail.WithPort(port), mail.WithTLSPolicy(mail.NoTLS)}
	switch m.TLS {
	case startTLS:
		opts[1] = mail.WithTLSPolicy(mail.TLSMandatory)
	case allTLS:
		opts = append(opts, mail.WithSSL())
	}
	if m.Username != "" {
		opts = append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.Username), mail.WithPassword(m.Password))
	}
	c, err := mail.NewClient(host, opts...)
	if err != nil {
		return err
	}
	return c.DialAndSendWithContext(ctx, msg)
}

// messageID names the mail of an order; mail servers tell doubles by it.
func messageID(order string) string { return order + "@payerflow" }

func (d *Desk) letter(order string, o events.TopicOrdered) Letter {
	why := o.Why
	if why == "" {
		why = "-"
	}
	return Letter{MessageID: messageID(order), To: d.Approver, ReplyTo: d.Replies.Address(o.RequestID), Subject: "Approval wanted: topic " + o.TopicName,
		Text: fmt.Sprintf(`%s asks for a topic.

topic       %s
partitions  %d
retention   %s
why         %s
request     %s

Reply to this mail with APPROVE or REJECT as the first word, until %s.
`, string(o.RequestedBy), o.TopicName, o.Partitions, time.Duration(o.RetentionHours)*time.Hour, oneLine(why), o.RequestID, o.DueAt)}
}

// oneLine keeps a text from looking like lines of the letter.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
