package deadletters_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/api/deadletters"
	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/embedded"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

const (
	canary  = "CANARY-51c9"
	careDLQ = "consumer.care.visits.dlq"
	paidDLQ = "claims.claim.paid.dlq"
)

// stage is a broker with dead letters and the door in front of them.
type stage struct {
	*testing.T
	brokers []string
	schemas *codecs.Memory
	control *kafka.Control
	keys    *access.Keyring
	writer  *kgo.Client
	url     string
	audit   auditLog
}

// auditLog notes what is written down, or fails.
type auditLog struct {
	*kafka.Audit
	mu   sync.Mutex
	made []string
	away bool
}

func (l *auditLog) Write(ctx context.Context, e events.AuditReceived) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return topology.ErrUnavailable
	}
	l.made = append(l.made, strings.TrimSpace(e.Act+" "+e.Name+" "+e.Decision+" "+e.Why))
	return l.Audit.Write(ctx, e)
}

func (l *auditLog) took() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	made := l.made
	l.made = nil
	return made
}

func (l *auditLog) turn(away bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = away
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newStage(t *testing.T) *stage {
	t.Helper()
	b, err := embedded.StartBroker(t.Context(), embedded.BrokerConfig{Addr: "127.0.0.1:0"})
	must(t, err)
	t.Cleanup(func() { _ = b.Close() })
	s := &stage{T: t, brokers: []string{b.Addr()}, schemas: &codecs.Memory{}}
	c, err := kafka.Dial(t.Context(), s.brokers)
	must(t, err)
	t.Cleanup(c.Close)
	paid, _ := topologies.TopicOf("claims.claim.paid")
	topics := append(slices.Clone(topologies.Mediator), paid, paid.DLQ())
	for _, team := range []string{"care", "billing"} {
		topic := topologies.ConsumerTopic(tables.Subscription{Team: team, Name: "visits"})
		topics = append(topics, topic, topic.DLQ())
	}
	r := kafka.Required.CappedTo(1)
	changes, err := c.Diff(t.Context(), topics, r)
	must(t, err)
	must(t, c.Apply(t.Context(), changes, r, func(kafka.Change) {}))
	s.writer, err = kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	must(t, err)
	t.Cleanup(s.writer.Close)
	s.serve()
	return s
}

// serve starts the rules and the door.
func (s *stage) serve() {
	s.Helper()
	secret := bytes.Repeat([]byte{7}, 32)
	var err error
	s.keys, err = access.NewKeyring(secret)
	must(s.T, err)
	s.control, err = kafka.OpenControl(s.brokers, s.schemas, processors.NewRules(topologies.DefaultEventTypes(), secret), slog.New(slog.DiscardHandler), nil)
	must(s.T, err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.control.Run(ctx) })
	s.Cleanup(func() { cancel(); wg.Wait(); s.control.Close() })
	for deadline := time.After(10 * time.Second); ; {
		if _, err := s.control.Rules(); err == nil {
			break
		}
		select {
		case <-s.control.Changed():
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			s.Fatal("the rules are not fresh")
		}
	}
	mux := http.NewServeMux()
	door := deadletters.New(s.control, func() *kafka.DeadLetters {
		return &kafka.DeadLetters{Brokers: s.brokers, Schemas: s.schemas}
	}, slog.New(slog.DiscardHandler))
	door.Register(mux, humago.New(mux, huma.DefaultConfig("test", "1")))
	log, err := kafka.OpenAudit(s.brokers, s.schemas)
	must(s.T, err)
	s.Cleanup(log.Close)
	s.audit.Audit = log
	trail := audit.New(&s.audit, processors.NewAuditKeys(secret), slog.New(slog.DiscardHandler), nil)
	h := httptest.NewServer(access.NewGuard(s.control, s.keys, nil).Audit(trail).Wrap(func(*http.Request) bool { return false }, mux))
	s.Cleanup(h.Close)
	s.url = h.URL
}

func (s *stage) put(kind, name string, row any) {
	s.Helper()
	text, err := json.Marshal(row)
	must(s.T, err)
	o, err := s.control.Change(s.Context(), events.Control{Kind: kind, Name: name, Version: 1, Act: events.ControlPut, Row: string(text), By: "test", At: events.InstantOf(time.Now())})
	must(s.T, err)
	if !o.Applied {
		s.Fatalf("%s %s: %+v", kind, name, o.Faults)
	}
}

func (s *stage) token(team string, scopes tables.Scopes) string {
	s.Helper()
	row, text := s.keys.Mint(tables.Token{Team: team, Scopes: scopes, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)})
	s.put(tables.KindToken, row.ID, row)
	return text
}

// park writes a dead letter; a payload that is nil is an envelope with a note.
func (s *stage) park(dlq, key, code string, payload []byte) {
	s.Helper()
	topic, id := strings.TrimSuffix(dlq, ".dlq"), "id-"+code
	if payload == nil {
		serde, err := topologies.Deliveries.Codec.Bind(s.schemas, topologies.Firehose.Topic.Name)
		must(s.T, err)
		payload, err = serde.Encode(events.Envelope{ID: id, Type: "Visit-Recorded-Note", Key: events.ID(key), UserID: canary, At: events.InstantOf(time.Now()),
			TransactionID: "t", Tags: []string{}, Extensions: map[string]string{}, Body: events.Body(fmt.Sprintf(`{"id":%q,"note":"%s-note"}`, key, canary))})
		must(s.T, err)
	}
	serde, err := codecs.DeadLetters.Bind(s.schemas, dlq)
	must(s.T, err)
	value, err := serde.Encode(codecs.DeadLetter{OriginalKey: []byte(key), OriginalPayload: payload,
		OriginalHeaders: []codecs.DLQHeader{{Key: "ce_subject", Value: []byte(canary)}},
		Metadata:        codecs.DLQMetadata{OriginalTopic: topic, ReasonCode: code, FailureReason: "for a reason", FailedAt: events.InstantOf(time.Now()), ConsumerGroup: "g", EventID: &id}})
	must(s.T, err)
	must(s.T, s.writer.ProduceSync(s.Context(), &kgo.Record{Topic: dlq, Key: []byte(key), Value: value}).FirstErr())
}

func (s *stage) payment() []byte {
	s.Helper()
	body, faults := codecs.CheckBody(fmt.Appendf(nil, `{"eventType":"CLAIM_PAID","claimId":"c1","memberId":"%s-m","providerId":"p1","paymentId":"pay1","paidAmount":"5.00","paidAt":"2026-03-03T00:00:00Z"}`, canary))
	if len(faults) > 0 {
		s.Fatal(faults)
	}
	topic, _ := topologies.TopicOf("claims.claim.paid")
	value, err := codecs.NewBodies(s.schemas).Encode(topic, body)
	must(s.T, err)
	return value
}

// ask wants a status and gives the answer's text.
func (s *stage) ask(want int, token, method, path, body string) string {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(body))
	must(s.T, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	must(s.T, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(s.T, err)
	if resp.StatusCode != want {
		s.Fatalf("%s %s: %d, want %d: %.400s", method, path, resp.StatusCode, want, b)
	}
	return string(b)
}

func (s *stage) page(token, path string) (p deadletters.Page, text string) {
	s.Helper()
	text = s.ask(200, token, "GET", path, "")
	must(s.T, json.Unmarshal([]byte(text), &p))
	return p, text
}

func TestDeadLettersAreReadAsTheTeamMaySee(t *testing.T) {
	s := newStage(t)
	s.put(tables.KindEventType, "Visit-Recorded-Note", tables.EventType{Name: "Visit-Recorded-Note", Parts: []string{"Visit", "Recorded", "Note"}, Version: 1, Owner: "care", Doc: "a visit",
		Schema:   `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"note":{"type":"string"},"id":{"type":"string"}}}`,
		KeyField: "/id", State: tables.StateActive, Fields: []tables.Field{{Pointer: "/id", Class: tables.ClassPII}, {Pointer: "/note", Class: tables.ClassPHI}}})
	admin, care := s.token("platform", tables.Scopes{Admin: true}), s.token("care", tables.Scopes{Subscribe: []string{"Visit-*"}})
	idle := s.token("care", tables.Scopes{Read: []string{"*"}})
	for i := range 3 {
		s.park(careDLQ, fmt.Sprintf("%s-%d", canary, i), "EFFECT_FAILED", nil)
	}
	s.park(careDLQ, canary, "BAD_FRAME", []byte("\xff"+canary))
	s.park("consumer.billing.visits.dlq", canary, "EFFECT_FAILED", nil)
	s.park(paidDLQ, "c1", "FOLD_PANICKED", s.payment())

	var all deadletters.Topics
	must(t, json.Unmarshal([]byte(s.ask(200, admin, "GET", "/v1/dlq", "")), &all))
	if len(all.Topics) != 3 || all.Topics[0].Topic != paidDLQ || all.Topics[2].Count != 4 || all.Topics[2].Reasons["BAD_FRAME"] != 1 || all.Topics[2].Oldest == nil {
		t.Errorf("an administrator is told %+v", all)
	}
	var own deadletters.Topics
	must(t, json.Unmarshal([]byte(s.ask(200, care, "GET", "/v1/dlq", "")), &own))
	if len(own.Topics) != 1 || own.Topics[0].Topic != careDLQ {
		t.Errorf("a team is told %+v", own)
	}
	if text := s.ask(200, idle, "GET", "/v1/dlq", ""); strings.Contains(text, "consumer") {
		t.Errorf("a token that may not subscribe is told %s", text)
	}
	for _, path := range []string{"/v1/dlq/consumer.billing.visits", "/v1/dlq/" + paidDLQ, "/v1/dlq/mediator.event.received"} {
		s.ask(403, care, "GET", path, "")
	}
	s.ask(403, idle, "GET", "/v1/dlq/"+careDLQ, "")
	s.ask(404, admin, "GET", "/v1/dlq/no.such.topic", "")
	s.ask(422, admin, "GET", "/v1/dlq/"+careDLQ+"?after=3", "")

	var seen []deadletters.Letter
	path := "/v1/dlq/consumer.care.visits?limit=3"
	for next := "-"; next != ""; {
		p, text := s.page(care, path)
		if strings.Contains(text, canary) {
			t.Fatalf("a team without permission is shown %s", text)
		}
		seen, next = append(seen, p.Letters...), p.Next
		path = "/v1/dlq/consumer.care.visits?limit=3&after=" + next
	}
	if len(seen) != 4 || seen[0].Key == "" || seen[0].Key == seen[1].Key || !strings.Contains(string(seen[0].Payload), events.Redacted) || seen[0].Metadata.ReasonCode != "EFFECT_FAILED" {
		t.Errorf("a team is shown %+v", seen)
	}
	if l := seen[3]; l.Metadata.ReasonCode != "BAD_FRAME" || string(l.Payload) != "null" || l.Fault != kafka.Unreadable || l.Key != "" {
		t.Errorf("of what does not decode is shown %+v", l)
	}
	for _, path := range []string{careDLQ, paidDLQ} {
		p, text := s.page(admin, "/v1/dlq/"+path)
		if strings.Contains(text, canary) || !strings.Contains(text, events.Redacted) || len(p.Letters) == 0 {
			t.Errorf("an administrator without permission is shown %s", text)
		}
	}

	s.put(tables.KindPermission, "care/PHI", tables.Permission{Team: "care", Class: tables.ClassPHI})
	s.put(tables.KindPermission, "platform/PHI", tables.Permission{Team: "platform", Class: tables.ClassPHI})
	s.put(tables.KindPermission, "platform/PII", tables.Permission{Team: "platform", Class: tables.ClassPII})
	if _, text := s.page(care, "/v1/dlq/"+careDLQ+"?reason=EFFECT_FAILED&limit=1"); !strings.Contains(text, canary+"-note") || strings.Contains(text, canary+"-0") {
		t.Errorf("with PHI a team is shown %s", text)
	}
	if p, text := s.page(admin, "/v1/dlq/"+paidDLQ); !strings.Contains(text, canary+"-m") || p.Letters[0].Key != "c1" || *p.Letters[0].Metadata.EventID != "id-FOLD_PANICKED" || strings.Contains(text, "ce_subject") {
		t.Errorf("with PHI and PII an administrator is shown %s", text)
	}
}

func TestDeadLettersAreHandledByAdministrators(t *testing.T) {
	s := newStage(t)
	admin, care := s.token("platform", tables.Scopes{Admin: true}), s.token("care", tables.Scopes{Subscribe: []string{"*"}})
	for _, code := range []string{"FOLD_PANICKED", "KEY_MISMATCH"} {
		s.park(paidDLQ, "c1", code, s.payment())
	}
	const redrive, drop = "/v1/dlq/claims.claim.paid/redrive", "/v1/dlq/" + paidDLQ + "/drop"
	s.ask(403, care, "POST", redrive, `{"all":true}`)
	s.ask(403, care, "POST", "/v1/dlq/"+careDLQ+"/drop", `{"all":true,"why":"mine"}`)
	s.ask(422, admin, "POST", redrive, `{}`)
	s.ask(422, admin, "POST", redrive, `{"at":["3"]}`)
	s.ask(422, admin, "POST", redrive, `{"all":true,"patch":"text"}`)
	s.ask(422, admin, "POST", redrive, `{"all":true,"where":"true"}`)
	s.ask(422, admin, "POST", drop, `{"all":true}`)
	s.ask(409, admin, "POST", "/v1/dlq/claims.claim.paid-repartition/redrive", `{"all":true}`)

	var out kafka.Handled
	do := func(path, body string) kafka.Handled {
		out = kafka.Handled{}
		text := s.ask(200, admin, "POST", path, body)
		must(t, json.Unmarshal([]byte(text), &out))
		if strings.Contains(text, canary) {
			t.Errorf("%s", text)
		}
		return out
	}
	if h := do(redrive, `{"reasons":["FOLD_PANICKED"],"dryRun":true}`); h.Done != 1 || !h.DryRun {
		t.Errorf("dry run %+v", h)
	}
	s.audit.turn(true)
	s.ask(503, admin, "POST", drop, `{"all":true,"why":"unseen"}`)
	s.ask(503, admin, "GET", "/v1/dlq/"+paidDLQ, "")
	s.audit.turn(false)
	s.audit.took()
	if h := do(redrive, `{"reasons":["FOLD_PANICKED"],"patch":{"paidAmount":"6.00"},"why":"mended"}`); h.Done != 1 || h.Chosen != 1 {
		t.Errorf("redrive %+v", h)
	}
	if made := s.audit.took(); !slices.Equal(made, slices.Repeat([]string{"deadletter.redrive " + paidDLQ + " ALLOW mended"}, 2)) {
		t.Errorf("written down: %q", made)
	}
	if h := do(redrive, `{"reasons":["FOLD_PANICKED"]}`); h.Done != 0 {
		t.Errorf("a second redrive %+v", h)
	}
	if h := do(drop, `{"all":true,"why":"a test"}`); h.Done != 1 {
		t.Errorf("drop %+v", h)
	}
	p, _ := s.page(admin, "/v1/dlq/"+paidDLQ)
	all, _ := s.page(admin, "/v1/dlq/"+paidDLQ+"?all=true")
	if len(p.Letters) != 0 || len(all.Letters) != 2 || all.Letters[0].State != "REDRIVEN" || all.Letters[1].State != "DROPPED" {
		t.Errorf("waiting %d, all %+v", len(p.Letters), all.Letters)
	}
	var back []string
	must(t, kafka.Tail(t.Context(), s.brokers, "claims.claim.paid", s.schemas, kafka.TailOptions{FromStart: true}, func(r kafka.Shown) error {
		back = append(back, r.Headers[topology.HeaderID])
		return nil
	}))
	if !slices.Equal(back, []string{"id-FOLD_PANICKED"}) {
		t.Errorf("came back: %q", back)
	}
}
