package kaas_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/connectors/kaas"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/embedded"
	"payerflow/internal/stage"
	"payerflow/internal/topology"
)

// door notes what was published; status is what it answers.
type door struct {
	mu     sync.Mutex
	got    []string
	status int
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got = append(d.got, r.Header.Get("Authorization")+" "+string(b))
	w.WriteHeader(d.status)
}

func (d *door) took() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	got := d.got
	d.got = nil
	return got
}

func order(act, topic string, synthetic bool) topology.Effect {
	now := events.InstantOf(time.Now())
	return topology.Effect{ID: "order-" + act, Key: "r1", Synthetic: synthetic, Event: events.TopicOrdered{Act: act, RequestID: "r1", TopicName: topic, Partitions: 2, RetentionHours: 24,
		RequestedBy: "jane@payerflow.example", Why: "a\nreason", DueAt: now, TransactionID: "t1", Synthetic: synthetic, At: now}}
}

// TestDeskDoesWhatIsOrdered does everything twice, on a real broker and with
// a real mail server.
func TestDeskDoesWhatIsOrdered(t *testing.T) {
	broker := stage.Broker(t, embedded.BrokerConfig{})
	cluster, err := kafka.Dial(t.Context(), []string{broker.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	inbox := newInbox(t, nil)
	replies, err := kaas.NewReplies([]byte(strings.Repeat("s", 32)), "payerflow.example")
	if err != nil {
		t.Fatal(err)
	}
	took := &door{status: http.StatusCreated}
	server := httptest.NewServer(took)
	t.Cleanup(server.Close)
	desk := &kaas.Desk{Approver: "ann@payerflow.example", Mail: kaas.Mailer{Addr: inbox.Addr(), From: "kaas@payerflow.example", TLS: "none"}, Replies: replies, Cluster: cluster,
		Door: kaas.Door{URL: func() string { return server.URL }, Token: "pf_x_y"}}
	do := func(e topology.Effect) []string {
		t.Helper()
		if err := desk.Do(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		return took.took()
	}
	for range 2 {
		if got := do(order(events.OrderAsk, "claims.a", false)); len(got) != 1 || !strings.HasPrefix(got[0], "Bearer pf_x_y") || !strings.Contains(got[0], `"eventId":"order-ASK"`) || strings.Contains(got[0], "jane") {
			t.Errorf("asked: %v", got)
		}
	}
	mails, err := embedded.Mails(inbox.dir)
	if err != nil || len(mails) != 1 || !strings.Contains(mails[0].Text, "why         a reason") || mails[0].ReplyTo != "<"+replies.Address("r1")+">" {
		t.Errorf("%d mails: %+v, %v", len(mails), mails, err)
	}
	for range 2 {
		do(order(events.OrderCreate, "claims.a", false))
	}
	for _, act := range []string{events.OrderAsk, events.OrderCreate, events.OrderExpire} {
		if got := do(order(act, "claims.synthetic", true)); len(got) != 1 || !strings.Contains(got[0], `"synthetic":true`) {
			t.Errorf("synthetic %s: %v", act, got)
		}
	}
	if mails, _ := embedded.Mails(inbox.dir); len(mails) != 1 {
		t.Errorf("%d mails after synthetic orders", len(mails))
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(t.Context())
	if err != nil || len(topics["claims.a"].Partitions) != 2 || topics.Has("claims.synthetic") {
		t.Errorf("topics %v, %v", topics.Names(), err)
	}
	other := order(events.OrderCreate, "claims.a", false)
	o := other.Event.(events.TopicOrdered)
	o.Partitions = 7
	other.Event = o
	if err := desk.Do(t.Context(), other); !errors.Is(err, kaas.ErrOtherTopic) || len(took.took()) != 0 {
		t.Errorf("a topic with other settings: %v", err)
	}
	took.status = http.StatusServiceUnavailable
	if err := desk.Do(t.Context(), order(events.OrderExpire, "claims.a", false)); err == nil {
		t.Error("the door refused, and nobody says so")
	}
	desk.Mail.Addr = "127.0.0.1:1"
	if err := desk.Do(t.Context(), order(events.OrderAsk, "claims.a", false)); err == nil {
		t.Error("nobody took the mail, and nobody says so")
	}
}

type inboxed struct {
	*embedded.Inbox
	dir string
}

func newInbox(t *testing.T, taken error) inboxed {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "inbox")
	b, err := embedded.StartInbox(t.Context(), embedded.InboxConfig{Addr: "127.0.0.1:0", Dir: dir, Takes: func(to string) bool { return strings.HasPrefix(to, "ann@") },
		Taken: func(context.Context, string, []byte) error { return taken }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return inboxed{b, dir}
}

func TestInboxRefuses(t *testing.T) {
	letter := func(to, text string) kaas.Letter {
		return kaas.Letter{MessageID: "m1", To: to, ReplyTo: "bob@payerflow.example", Subject: "s", Text: text}
	}
	for name, c := range map[string]struct {
		taken error
		l     kaas.Letter
		says  string
	}{
		"another mailbox":    {nil, letter("bob@payerflow.example", "x"), "550"},
		"a mail too large":   {nil, letter("ann@payerflow.example", strings.Repeat("x\n", 1<<20)), "552"},
		"nobody to tell now": {errors.New("CANARY away"), letter("ann@payerflow.example", "x"), "451"},
	} {
		inbox := newInbox(t, c.taken)
		err := kaas.Mailer{Addr: inbox.Addr(), From: "bob@payerflow.example", TLS: "none"}.Send(t.Context(), c.l)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", name, err)
		}
	}
	inbox := newInbox(t, nil)
	if err := (kaas.Mailer{Addr: inbox.Addr(), From: "bob@payerflow.example", TLS: "starttls"}).Send(t.Context(), letter("ann@payerflow.example", "x")); err == nil {
		t.Error("a mail left in the clear, where TLS is a must")
	}
}
