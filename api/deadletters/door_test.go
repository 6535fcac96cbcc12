package deadletters_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/api/deadletters"
	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/stage"
	"payerflow/internal/topology"
	"payerflow/tables"
	"payerflow/topologies"
)

const (
	canary  = "CANARY-51c9"
	careDLQ = "consumer.care.visits.dlq"
	paidDLQ = "claims.claim.paid.dlq"
)

// desk is the door of dead letters, and a writer of them.
type desk struct {
	*stage.Stage
	writer *kgo.Client
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	paid, _ := topologies.TopicOf("claims.claim.paid")
	topics := []topology.Topic{paid, paid.DLQ()}
	for _, team := range []string{"care", "billing"} {
		topic := topologies.ConsumerTopic(tables.Subscription{Team: team, Name: "visits"})
		topics = append(topics, topic, topic.DLQ())
	}
	s := &desk{Stage: stage.New(t, stage.Options{Topics: topics})}
	var err error
	s.writer, err = kgo.NewClient(kgo.SeedBrokers(s.Brokers()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	stage.Must(t, err)
	t.Cleanup(s.writer.Close)
	mux := http.NewServeMux()
	door := deadletters.New(s.Control, func() *kafka.DeadLetters {
		return &kafka.DeadLetters{Brokers: s.Brokers(), Schemas: s.Schemas}
	}, s.Logger())
	door.Register(mux, humago.New(mux, huma.DefaultConfig("test", "1")))
	s.Serve(s.Guard().Wrap(func(*http.Request) bool { return false }, mux))
	return s
}

func (s *desk) token(team string, scopes tables.Scopes) string {
	s.Helper()
	_, text := s.Token(team, scopes)
	return text
}

// took are the lines written since it was last asked: act, name, decision, why.
func (s *desk) took() (out []string) {
	for _, e := range s.Audit.Taken() {
		out = append(out, strings.TrimSpace(e.Act+" "+e.Name+" "+e.Decision+" "+e.Why))
	}
	return out
}

// park writes a dead letter; a payload that is nil is an envelope with a note.
func (s *desk) park(dlq, key, code string, payload []byte) {
	s.Helper()
	topic, id := strings.TrimSuffix(dlq, ".dlq"), "id-"+code
	if payload == nil {
		serde, err := topologies.Deliveries.Codec.Bind(s.Schemas, topologies.Firehose.Topic.Name)
		stage.Must(s, err)
		payload, err = serde.Encode(events.Envelope{ID: id, Type: "Visit-Recorded-Note", Key: events.ID(key), UserID: canary, At: events.InstantOf(time.Now()),
			TransactionID: "t", Tags: []string{}, Extensions: map[string]string{}, Body: events.Body(fmt.Sprintf(`{"id":%q,"note":"%s-note"}`, key, canary))})
		stage.Must(s, err)
	}
	serde, err := codecs.DeadLetters.Bind(s.Schemas, dlq)
	stage.Must(s, err)
	value, err := serde.Encode(codecs.DeadLetter{OriginalKey: []byte(key), OriginalPayload: payload,
		OriginalHeaders: []codecs.DLQHeader{{Key: "ce_subject", Value: []byte(canary)}},
		Metadata:        codecs.DLQMetadata{OriginalTopic: topic, ReasonCode: code, FailureReason: "for a reason", FailedAt: events.InstantOf(time.Now()), ConsumerGroup: "g", EventID: &id}})
	stage.Must(s, err)
	stage.Must(s, s.writer.ProduceSync(s.Context(), &kgo.Record{Topic: dlq, Key: []byte(key), Value: value}).FirstErr())
}

func (s *desk) payment() []byte {
	s.Helper()
	body, faults := codecs.CheckBody(fmt.Appendf(nil, `{"eventType":"CLAIM_PAID","claimId":"c1","memberId":"%s-m","providerId":"p1","paymentId":"pay1","paidAmount":"5.00","paidAt":"2026-03-03T00:00:00Z"}`, canary))
	if len(faults) > 0 {
		s.Fatal(faults)
	}
	topic, _ := topologies.TopicOf("claims.claim.paid")
	value, err := codecs.NewBodies(s.Schemas).Encode(topic, body)
	stage.Must(s, err)
	return value
}

func (s *desk) page(token, path string) (p deadletters.Page, text string) {
	s.Helper()
	text = s.Demand(200, token, "GET", path, "")
	stage.Must(s, json.Unmarshal([]byte(text), &p))
	return p, text
}

func TestDeadLettersAreReadAsTheTeamMaySee(t *testing.T) {
	s := newDesk(t)
	s.Put(tables.KindEventType, "Visit-Recorded-Note", tables.EventType{Name: "Visit-Recorded-Note", Parts: []string{"Visit", "Recorded", "Note"}, Version: 1, Owner: "care", Doc: "a visit",
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
	stage.Must(t, json.Unmarshal([]byte(s.Demand(200, admin, "GET", "/v1/dlq", "")), &all))
	if len(all.Topics) != 3 || all.Topics[0].Topic != paidDLQ || all.Topics[2].Count != 4 || all.Topics[2].Reasons["BAD_FRAME"] != 1 || all.Topics[2].Oldest == nil {
		t.Errorf("an administrator is told %+v", all)
	}
	var own deadletters.Topics
	stage.Must(t, json.Unmarshal([]byte(s.Demand(200, care, "GET", "/v1/dlq", "")), &own))
	if len(own.Topics) != 1 || own.Topics[0].Topic != careDLQ {
		t.Errorf("a team is told %+v", own)
	}
	if text := s.Demand(200, idle, "GET", "/v1/dlq", ""); strings.Contains(text, "consumer") {
		t.Errorf("a token that may not subscribe is told %s", text)
	}
	for _, path := range []string{"/v1/dlq/consumer.billing.visits", "/v1/dlq/" + paidDLQ, "/v1/dlq/mediator.event.received"} {
		s.Demand(403, care, "GET", path, "")
	}
	s.Demand(403, idle, "GET", "/v1/dlq/"+careDLQ, "")
	s.Demand(404, admin, "GET", "/v1/dlq/no.such.topic", "")
	s.Demand(422, admin, "GET", "/v1/dlq/"+careDLQ+"?after=3", "")

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

	s.Put(tables.KindPermission, "care/PHI", tables.Permission{Team: "care", Class: tables.ClassPHI})
	s.Put(tables.KindPermission, "platform/PHI", tables.Permission{Team: "platform", Class: tables.ClassPHI})
	s.Put(tables.KindPermission, "platform/PII", tables.Permission{Team: "platform", Class: tables.ClassPII})
	if _, text := s.page(care, "/v1/dlq/"+careDLQ+"?reason=EFFECT_FAILED&limit=1"); !strings.Contains(text, canary+"-note") || strings.Contains(text, canary+"-0") {
		t.Errorf("with PHI a team is shown %s", text)
	}
	if p, text := s.page(admin, "/v1/dlq/"+paidDLQ); !strings.Contains(text, canary+"-m") || p.Letters[0].Key != "c1" || *p.Letters[0].Metadata.EventID != "id-FOLD_PANICKED" || strings.Contains(text, "ce_subject") {
		t.Errorf("with PHI and PII an administrator is shown %s", text)
	}
}

func TestDeadLettersAreHandledByAdministrators(t *testing.T) {
	s := newDesk(t)
	admin, care := s.token("platform", tables.Scopes{Admin: true}), s.token("care", tables.Scopes{Subscribe: []string{"*"}})
	for _, code := range []string{"FOLD_PANICKED", "KEY_MISMATCH"} {
		s.park(paidDLQ, "c1", code, s.payment())
	}
	const redrive, drop = "/v1/dlq/claims.claim.paid/redrive", "/v1/dlq/" + paidDLQ + "/drop"
	s.Demand(403, care, "POST", redrive, `{"all":true}`)
	s.Demand(403, care, "POST", "/v1/dlq/"+careDLQ+"/drop", `{"all":true,"why":"mine"}`)
	s.Demand(422, admin, "POST", redrive, `{}`)
	s.Demand(422, admin, "POST", redrive, `{"at":["3"]}`)
	s.Demand(422, admin, "POST", redrive, `{"all":true,"patch":"text"}`)
	s.Demand(422, admin, "POST", redrive, `{"all":true,"where":"true"}`)
	s.Demand(422, admin, "POST", drop, `{"all":true}`)
	s.Demand(409, admin, "POST", "/v1/dlq/claims.claim.paid-repartition/redrive", `{"all":true}`)

	var out kafka.Handled
	do := func(path, body string) kafka.Handled {
		out = kafka.Handled{}
		text := s.Demand(200, admin, "POST", path, body)
		stage.Must(t, json.Unmarshal([]byte(text), &out))
		if strings.Contains(text, canary) {
			t.Errorf("%s", text)
		}
		return out
	}
	if h := do(redrive, `{"reasons":["FOLD_PANICKED"],"dryRun":true}`); h.Done != 1 || !h.DryRun {
		t.Errorf("dry run %+v", h)
	}
	s.Audit.Fail(topology.ErrUnavailable)
	s.Demand(503, admin, "POST", drop, `{"all":true,"why":"unseen"}`)
	s.Demand(503, admin, "GET", "/v1/dlq/"+paidDLQ, "")
	s.Audit.Fail(nil)
	s.took()
	if h := do(redrive, `{"reasons":["FOLD_PANICKED"],"patch":{"paidAmount":"6.00"},"why":"mended"}`); h.Done != 1 || h.Chosen != 1 {
		t.Errorf("redrive %+v", h)
	}
	if made := s.took(); !slices.Equal(made, slices.Repeat([]string{"deadletter.redrive " + paidDLQ + " ALLOW mended"}, 2)) {
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
	stage.Must(t, kafka.Tail(t.Context(), s.Brokers(), "claims.claim.paid", s.Schemas, kafka.TailOptions{FromStart: true}, func(r kafka.Shown) error {
		back = append(back, r.Headers[topology.HeaderID])
		return nil
	}))
	if !slices.Equal(back, []string{"id-FOLD_PANICKED"}) {
		t.Errorf("came back: %q", back)
	}
}
