package topologies_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

const canary = "CANARY-1-614-847-0982"

var mediatorNow = time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC)

// mediator is the router in the driver, with rules of the test's choice.
type mediator struct {
	t      *testing.T
	memory *codecs.Memory
	driver *topology.Driver
	rules  *processors.Rules
	away   error
}

func newMediator(t *testing.T) *mediator {
	t.Helper()
	m := &mediator{t: t, memory: &codecs.Memory{}, rules: processors.NewRules(mediatorTypes(), []byte("0123456789abcdef0123456789abcdef"))}
	var err error
	if m.driver, err = topology.NewDriver([]topology.Declared{topologies.Router.Declare()}, m.memory, mediatorNow); err != nil {
		t.Fatal(err)
	}
	m.driver.Pins = map[string]func() (topology.Pinned, error){topologies.Router.Name: func() (topology.Pinned, error) {
		return processors.NewInForce(m.rules, mediatorNow), m.away
	}}
	return m
}

// mediatorTypes are one type with a domain topic and one without.
func mediatorTypes() []tables.EventType {
	schema, err := codecs.JSONSchema("CLAIM_SUBMITTED")
	if err != nil {
		panic(err)
	}
	var fields []tables.Field
	for name, class := range map[string]string{"eventType": "PUBLIC", "schemaVersion": "PUBLIC", "claimId": "PHI", "memberId": "PHI", "providerId": "PUBLIC",
		"planId": "PUBLIC", "claimType": "PUBLIC", "totalBilledAmount": "BANK", "serviceDate": "PHI", "submittedAt": "PUBLIC"} {
		fields = append(fields, tables.Field{Pointer: "/" + name, Class: class})
	}
	return []tables.EventType{
		{Name: "CLAIM_SUBMITTED", Version: 1, Owner: "Claims Service", Schema: schema, KeyField: "/claimId", Topic: "claims.claim.submitted", Fields: fields, Tags: []string{"state:OH"}, State: tables.StateActive},
		{Name: "Member-PCP-Change", Parts: []string{"Member", "PCP", "Change"}, Version: 1, Owner: "members", State: tables.StateActive,
			Schema: `{"type":"object","properties":{"phone":{"type":"string"},"why":{"type":"string"}}}`, Fields: []tables.Field{{Pointer: "/phone", Class: "PII"}, {Pointer: "/why", Class: "PUBLIC"}}},
	}
}

func (m *mediator) put(kind, name string, row any) {
	m.t.Helper()
	b, err := json.Marshal(row)
	if err != nil {
		m.t.Fatal(err)
	}
	next, outcomes := m.rules.Apply([]processors.Change{{Offset: m.rules.Offset(), Control: events.Control{Kind: kind, Name: name, Act: events.ControlPut,
		Version: m.rules.Version(kind, name) + 1, Row: string(b), By: "test", At: events.InstantOf(mediatorNow)}}})
	if !outcomes[0].Applied {
		m.t.Fatalf("%s %s: %+v", kind, name, outcomes[0].Faults)
	}
	m.rules = next
}

func (m *mediator) subscribe(team, name string, change func(*tables.Subscription)) {
	m.t.Helper()
	s := tables.Subscription{Team: team, Name: name, EventTypes: []string{"*"}, Synthetic: tables.Discard, Delivery: tables.DeliverTopic, Partitions: 1, State: tables.StateActive}
	if change != nil {
		change(&s)
	}
	m.put(tables.KindSubscription, s.ID(), s)
}

func (m *mediator) permit(team, class string) {
	m.t.Helper()
	p := tables.Permission{Team: team, Class: class}
	m.put(tables.KindPermission, p.ID(), p)
}

const claimBody = `{"eventType":"CLAIM_SUBMITTED","claimId":"` + canary + `","memberId":"m1","providerId":"p1","planId":"pl1","claimType":"PROFESSIONAL",` +
	`"totalBilledAmount":"250.00","serviceDate":"2026-03-01","submittedAt":"2026-03-10T07:00:00Z","requiresPriorAuth":false}`

func claimReceived(id string, tags ...string) events.Envelope {
	return events.Envelope{ID: id, Type: "CLAIM_SUBMITTED", TypeVersion: 1, Key: canary, At: events.InstantOf(mediatorNow), TransactionID: "tx-1", UserID: "u-" + canary,
		SourceSystem: "claims", Tags: tags, ReceivedAt: events.InstantOf(mediatorNow), Digest: strings.Repeat("a", 64), Body: claimBody}
}

func (m *mediator) receive(e events.Envelope, headers ...topology.Header) []topology.Written {
	m.t.Helper()
	return m.pipe(topologies.Firehose, e, headers)
}

func (m *mediator) pipe(s topology.Stream[events.Envelope], e events.Envelope, headers []topology.Header) []topology.Written {
	m.t.Helper()
	serde, err := s.Codec.Bind(m.memory, s.Topic.Name)
	if err != nil {
		m.t.Fatal(err)
	}
	value, err := serde.Encode(e)
	if err != nil {
		m.t.Fatal(err)
	}
	headers = append(headers, topology.Header{Key: topology.HeaderID, Value: []byte(e.ID)}, topology.Header{Key: "ce_transactionid", Value: []byte(e.TransactionID)},
		topology.Header{Key: topology.HeaderSynthetic, Value: fmt.Append(nil, e.Synthetic)}, topology.Header{Key: "traceparent", Value: []byte("00-aa-bb-01")})
	return m.record(topology.Raw{Topic: s.Topic.Name, Key: []byte(e.Key), Value: value, Headers: headers, Timestamp: mediatorNow})
}

func (m *mediator) record(rec topology.Raw) []topology.Written {
	m.t.Helper()
	if err := m.driver.Pipe(rec); err != nil {
		m.t.Fatal(err)
	}
	return m.driver.Took()
}

func topicsOf(all []topology.Written) (out []string) {
	for _, w := range all {
		switch {
		case w.Parked != nil:
			out = append(out, "parked "+w.Parked.Code)
		case w.Dropped != "":
			out = append(out, "dropped "+w.Dropped)
		case w.Topic != topologies.Router.Name+"-table" && w.Topic != topologies.EventDelivered.Topic.Name && w.Topic != topologies.Routed.Topic.Name:
			out = append(out, w.Topic)
		}
	}
	slices.Sort(out)
	return out
}

func (m *mediator) wants(all []topology.Written, want ...string) {
	m.t.Helper()
	slices.Sort(want)
	if got := topicsOf(all); !slices.Equal(got, want) {
		m.t.Errorf("wrote %v, want %v", got, want)
	}
}

func (m *mediator) copyIn(all []topology.Written, topic string) (events.Envelope, topology.Written) {
	m.t.Helper()
	serde, err := topologies.Deliveries.Codec.Bind(m.memory, topic)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, w := range all {
		if w.Topic == topic {
			e, err := serde.Decode(w.Value)
			if err != nil {
				m.t.Fatal(err)
			}
			return e, w
		}
	}
	m.t.Fatalf("nothing in %s", topic)
	return events.Envelope{}, topology.Written{}
}

func TestRouterWritesTheDomainRecordAndRedactedCopies(t *testing.T) {
	m := newMediator(t)
	m.subscribe("data-science", "claims", nil)
	m.subscribe("claims-team", "all", nil)
	m.subscribe("claims-team", "again", nil)
	m.permit("claims-team", tables.ClassPHI)
	m.permit("claims-team", tables.ClassPII)
	all := m.receive(claimReceived("e1", "state:OH"))
	m.wants(all, "claims.claim.submitted", "consumer.data-science.claims", "consumer.claims-team.all", "consumer.claims-team.again")

	hidden, w := m.copyIn(all, "consumer.data-science.claims")
	if bytes.Contains(w.Value, []byte(canary)) || strings.Contains(w.Key, canary) || !strings.Contains(string(hidden.Body), `"memberId":"***REDACTED***"`) {
		t.Error("the copy of a team without permission shows what it must not")
	}
	for _, h := range w.Headers {
		if bytes.Contains(h.Value, []byte(canary)) {
			t.Errorf("header %s shows what it must not", h.Key)
		}
	}
	seen, _ := m.copyIn(all, "consumer.claims-team.all")
	if seen.Key != canary || !strings.Contains(string(seen.Body), canary) || strings.Contains(string(seen.Body), "250.00") {
		t.Error("the copy of a team with PHI and PII, without BANK, is wrong")
	}
	for _, w := range all {
		if w.Topic != "claims.claim.submitted" {
			continue
		}
		names := map[string]string{}
		for _, h := range w.Headers {
			names[h.Key] = string(h.Value)
		}
		if names[processors.HeaderOrigin] == "" || names["traceparent"] != "00-aa-bb-01" || names["ce_transactionid"] != "tx-1" || names[topology.HeaderID] != "e1" || names["ce_tags"] != "state:OH" {
			t.Errorf("headers of the domain record: %v", names)
		}
	}
}

func TestRouterPassesByWhatItWroteItself(t *testing.T) {
	m := newMediator(t)
	m.subscribe("claims-team", "all", nil)
	open, err := codecs.NewOpen(topologies.ClaimSubmitted.Topic).Bind(m.memory, "claims.claim.submitted")
	if err != nil {
		t.Fatal(err)
	}
	value, err := open.Encode(events.Typed{Body: claimBody})
	if err != nil {
		t.Fatal(err)
	}
	rec := topology.Raw{Topic: "claims.claim.submitted", Key: []byte(canary), Value: value, Timestamp: mediatorNow}
	all := m.record(rec)
	m.wants(all, "consumer.claims-team.all")
	e, _ := m.copyIn(all, "consumer.claims-team.all")
	if e.Synthetic || len(e.Tags) > 0 || e.ID == "" || e.TransactionID != "" {
		t.Errorf("metadata were made up: %v", e.ID)
	}
	m.wants(m.record(rec), "dropped DUPLICATE")
	rec.Headers = []topology.Header{{Key: processors.HeaderOrigin, Value: []byte("router")}, {Key: topology.HeaderID, Value: []byte("other")}}
	m.wants(m.record(rec))
}

func TestRouterKnowsAnEventForADay(t *testing.T) {
	m := newMediator(t)
	m.subscribe("claims-team", "all", nil)
	m.wants(m.receive(claimReceived("e1")), "claims.claim.submitted", "consumer.claims-team.all")
	m.wants(m.receive(claimReceived("e1")), "dropped DUPLICATE")
	other := claimReceived("e1")
	other.Digest = strings.Repeat("b", 64)
	m.wants(m.receive(other), "parked IDEMPOTENCY_MISMATCH")
	if err := m.driver.Advance(mediatorNow.Add(24*time.Hour - time.Second)); err != nil {
		t.Fatal(err)
	}
	m.driver.Took()
	m.wants(m.receive(claimReceived("e1")), "dropped DUPLICATE")
	if err := m.driver.Advance(mediatorNow.Add(24 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if rows := m.driver.Rows(topologies.Router.Name + "-table"); len(rows) != 0 {
		t.Errorf("%d rows are left", len(rows))
	}
}

// TestNobodyTakesAnothersIds: a team that knows or guesses the id of another's
// event cannot have that dropped, nor parked.
func TestNobodyTakesAnothersIds(t *testing.T) {
	m := newMediator(t)
	m.subscribe("claims-team", "all", nil)
	sent := func(publisher string) events.Envelope {
		e := claimReceived("e1")
		e.Publisher, e.Digest = publisher, strings.Repeat(publisher[:1], 64)
		return e
	}
	m.wants(m.receive(sent("attackers")), "claims.claim.submitted", "consumer.claims-team.all")
	m.wants(m.receive(sent("billing")), "claims.claim.submitted", "consumer.claims-team.all")
	m.wants(m.receive(sent("billing")), "dropped DUPLICATE")
	changed := sent("billing")
	changed.Digest = strings.Repeat("c", 64)
	m.wants(m.receive(changed), "parked IDEMPOTENCY_MISMATCH")

	open, err := codecs.NewOpen(topologies.ClaimSubmitted.Topic).Bind(m.memory, "claims.claim.submitted")
	if err != nil {
		t.Fatal(err)
	}
	value, err := open.Encode(events.Typed{Body: claimBody})
	if err != nil {
		t.Fatal(err)
	}
	rec := topology.Raw{Topic: "claims.claim.submitted", Key: []byte(canary), Value: value, Timestamp: mediatorNow, Headers: []topology.Header{{Key: topology.HeaderID, Value: []byte("e1")}}}
	m.wants(m.record(rec), "consumer.claims-team.all")
	m.wants(m.record(rec), "dropped DUPLICATE")
}

// TestRedrivenEventsAreTakenOnce: a dead letter lives for 30 days, and so does
// the memory that it came back.
func TestRedrivenEventsAreTakenOnce(t *testing.T) {
	m := newMediator(t)
	m.subscribe("claims-team", "all", nil)
	parked := &topology.Raw{Topic: "mediator.event.received", Partition: 3, Offset: 17}
	headers := topology.Redrive(parked, topology.Position{Topic: "mediator.event.received.dlq", Partition: 3, Offset: 4}, "e1")
	headers = slices.DeleteFunc(headers, func(h topology.Header) bool { return h.Key == topology.HeaderID })
	m.wants(m.receive(claimReceived("e1"), headers...), "claims.claim.submitted", "consumer.claims-team.all")
	m.wants(m.receive(claimReceived("e1"), headers...), "dropped DUPLICATE")
	if err := m.driver.Advance(mediatorNow.Add(29 * 24 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	m.driver.Took()
	m.wants(m.receive(claimReceived("e1"), headers...), "dropped DUPLICATE")
}

// TestOneMissingTopicIsMadeUpFor: the dead letter names the output, and the
// redrive writes that one alone, once.
func TestOneMissingTopicIsMadeUpFor(t *testing.T) {
	m := newMediator(t)
	m.subscribe("claims-team", "all", nil)
	m.subscribe("data-science", "claims", nil)
	m.receive(claimReceived("e1"))
	only := topology.Header{Key: topology.HeaderOutput, Value: []byte("consumer.data-science.claims")}
	m.wants(m.receive(claimReceived("e1"), only), "consumer.data-science.claims")
	m.wants(m.receive(claimReceived("e1"), only), "dropped DUPLICATE")
	other := topology.Header{Key: topology.HeaderOutput, Value: []byte("consumer.nobody.nothing")}
	m.wants(m.receive(claimReceived("e1"), other))
}

func TestSyntheticEventsGoToThoseWhoWantThem(t *testing.T) {
	m := newMediator(t)
	m.subscribe("claims-team", "real", nil)
	m.subscribe("claims-team", "both", func(s *tables.Subscription) { s.Synthetic = tables.PassThrough })
	e := claimReceived("probe")
	e.Synthetic = true
	all := m.receive(e)
	m.wants(all, "claims.claim.submitted", "consumer.claims-team.both")
	for _, w := range all {
		if w.Topic == "claims.claim.submitted" && !slices.ContainsFunc(w.Headers, func(h topology.Header) bool {
			return h.Key == topology.HeaderSynthetic && string(h.Value) == "true"
		}) {
			t.Error("the domain record does not say that it is synthetic")
		}
	}
	m.wants(m.receive(claimReceived("probe")), "claims.claim.submitted", "consumer.claims-team.real", "consumer.claims-team.both")
}

func TestRouterFailsClosed(t *testing.T) {
	m := newMediator(t)
	m.subscribe("claims-team", "all", nil)
	m.away = fmt.Errorf("rules: %w", topology.ErrUnavailable)
	value, err := mustBind(t, m).Encode(claimReceived("e1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.driver.Pipe(topology.Raw{Topic: "mediator.event.received", Key: []byte(canary), Value: value}); !errors.Is(err, topology.ErrUnavailable) {
		t.Errorf("without rules: %v", err)
	}
	m.wants(m.driver.Took())
}

func mustBind(t *testing.T, m *mediator) topology.Serde[events.Envelope] {
	t.Helper()
	serde, err := topologies.Firehose.Codec.Bind(m.memory, "mediator.event.received")
	if err != nil {
		t.Fatal(err)
	}
	return serde
}

// TestMarksSayWhatEachTransactionWorkedWith: the snapshot is recomputed from
// the control offset, and has the hash that is marked.
func TestMarksSayWhatEachTransactionWorkedWith(t *testing.T) {
	m := newMediator(t)
	m.subscribe("claims-team", "all", nil)
	serde, err := topologies.Routed.Codec.Bind(m.memory, topologies.Routed.Topic.Name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		for _, w := range m.receive(claimReceived(fmt.Sprint("e", i))) {
			if w.Topic != topologies.Routed.Topic.Name {
				continue
			}
			b, err := serde.Decode(w.Value)
			want := []events.Range{{Topic: "mediator.event.received", From: int64(i), To: int64(i + 1)}}
			if err != nil || b.RoutingHash != m.rules.RoutingHash() || b.ControlOffset != m.rules.Offset() || !slices.Equal(b.Ranges, want) {
				t.Errorf("mark %+v, %v", b, err)
			}
		}
		m.permit("claims-team", tables.ClassPHI)
	}
}

func TestUnregisteredTypesAreParked(t *testing.T) {
	m := newMediator(t)
	e := claimReceived("e1")
	e.Type = "GONE"
	m.wants(m.receive(e), "parked UNKNOWN_EVENT_TYPE")
	e.Type, e.ID, e.Body = "Member-PCP-Change", "e2", `{"phone":"`+canary+`","why":"moved"}`
	m.subscribe("anyone", "all", nil)
	all := m.receive(e)
	m.wants(all, "consumer.anyone.all")
	c, _ := m.copyIn(all, "consumer.anyone.all")
	if string(c.Body) != `{"phone":"***REDACTED***","why":"moved"}` {
		t.Errorf("%d bytes of body", len(c.Body))
	}
}
