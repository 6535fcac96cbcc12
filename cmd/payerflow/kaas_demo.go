package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"payerflow/codecs"
	"payerflow/config"
	"payerflow/connectors/kaas"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/embedded"
	"payerflow/internal/engine"
	"payerflow/topologies"
)

// kaasDemo is the topic-request process beside the groups of every worker.
type kaasDemo struct {
	app     *app
	inbox   *embedded.Inbox
	replies kaas.Replies
	door    kaas.Door
	desk    *kaas.Desk
	addr    atomic.Pointer[string] // of the worker's HTTP surface, once it is known
}

const inboxDir = "inbox"

func (a *app) inboxDir() string { return filepath.Join(a.cfg.Engine.DataDir, inboxDir) }

// prepareKaaS makes the topics of the process, and registers its schemas.
func prepareKaaS(ctx context.Context, client *kafka.Client, registry *codecs.Registry) error {
	if err := makeTopics(ctx, client, topologies.KaaSTopics()); err != nil {
		return err
	}
	_, err := registerSubjects(registry, topologies.KaaSSubjects())
	return err
}

// openKaaS opens the inbox, and the desk that does what is ordered.
func (a *app) openKaaS(ctx context.Context, client *kafka.Client) (*kaasDemo, error) {
	c := a.cfg.KaaS
	secret, err := a.secret()
	if err != nil {
		return nil, err
	}
	have, err := readCredentials(a.cfg.Engine.DataDir)
	if err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(c.From, "@")
	k := &kaasDemo{app: a}
	k.door = kaas.Door{Token: have.Tokens[roleKaaS], URL: func() string { return "http://" + *k.addr.Load() }}
	if k.replies, err = kaas.NewReplies(secret, domain); err != nil {
		return nil, err
	}
	k.inbox, err = embedded.StartInbox(ctx, embedded.InboxConfig{Addr: c.InboxAddr, Dir: a.inboxDir(), Takes: k.takes, Taken: k.taken, Logger: a.log})
	if err != nil {
		return nil, coded(exitUnavailable, fmt.Errorf("%w; choose another address with --inbox-addr", err))
	}
	mailer := kaas.Mailer{Addr: c.SMTP.Addr, From: c.From, TLS: c.SMTP.TLS, Username: c.SMTP.Username, Password: c.SMTP.Password}
	if mailer.Addr == "" {
		mailer.Addr, mailer.TLS = k.inbox.Addr(), config.SMTPPlain
	}
	k.desk = &kaas.Desk{Approver: c.Approver, Mail: mailer, Replies: k.replies, Cluster: client, Door: k.door}
	return k, nil
}

// at tells the process where the worker's door is; only then may it work.
func (k *kaasDemo) at(addr string) { k.addr.Store(&addr) }

// extension are the groups of the process, for the worker to run too.
func (k *kaasDemo) extension() extension {
	return extension{groups: topologies.KaaS(k.app.cfg.KaaS.AnswerWithin), at: k.at,
		effects: map[string]engine.Effector{topologies.TopicOrders.Name: k.desk.Do}}
}

func (k *kaasDemo) close() error { return k.inbox.Close() }

// takes says whose mail comes in: the approver's, and answers.
func (k *kaasDemo) takes(to string) bool {
	_, answer := k.replies.Request(to)
	return answer || strings.EqualFold(to, k.app.cfg.KaaS.Approver)
}

// taken makes an event of an answer. A mail that says neither yes nor no stays
// in the inbox.
func (k *kaasDemo) taken(ctx context.Context, to string, raw []byte) error {
	request, answer := k.replies.Request(to)
	if !answer {
		return nil
	}
	reply, err := kaas.ReadReply(raw)
	if errors.Is(err, kaas.ErrUndecided) {
		k.app.log.Warn("a mail to a reply address decides nothing")
		return nil
	}
	if err != nil {
		return err
	}
	if k.addr.Load() == nil {
		return errors.New("the worker is starting")
	}
	return k.door.Publish(ctx, answered(reply.ID, request, reply.From, reply.Approved, false))
}

// answered is the event of an answer.
func answered(id, request, by string, approved, synthetic bool) kaas.Event {
	tag := events.TagUnapproved
	if approved {
		tag = events.TagApproved
	}
	body := map[string]any{"requestId": request}
	if by != "" {
		body["answeredBy"] = by
	}
	return kaas.Event{ID: id, Type: events.TypeApprovalAnswered, TransactionID: "topic-request-" + request, Synthetic: synthetic, Tags: []string{tag}, Body: body}
}

func (a *app) announceKaaS(k *kaasDemo) {
	fmt.Fprintf(a.out, `
  inbox       smtp://%s   mails to %s and their answers: payerflow demo kaas inbox
  answers     count for %s (--answer-within)

`, k.inbox.Addr(), a.cfg.KaaS.Approver, a.cfg.KaaS.AnswerWithin.Round(time.Millisecond))
}
