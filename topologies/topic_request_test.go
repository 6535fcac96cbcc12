package topologies_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
	"payerflow/topologies"
)

// asking drives the groups of topic requests.
type asking struct {
	*testing.T
	memory *codecs.Memory
	driver *topology.Driver
	now    time.Time
	did    []string // effects
	away   bool
	n      int
}

const answerWithin = 5 * time.Minute

func newAsking(t *testing.T) *asking {
	t.Helper()
	a := &asking{T: t, memory: &codecs.Memory{}, now: time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)}
	d, err := topology.NewDriver(topologies.KaaS(answerWithin), a.memory, a.now)
	if err != nil {
		t.Fatal(err)
	}
	d.Outside = map[string]func(topology.Effect) error{topologies.TopicOrders.Name: func(e topology.Effect) error {
		o := e.Event.(events.TopicOrdered)
		a.did = append(a.did, fmt.Sprintf("%s %s synthetic=%t", o.Act, o.RequestID, o.Synthetic && e.Synthetic))
		if a.away {
			return errors.New("away")
		}
		return nil
	}}
	a.driver = d
	return a
}

func (a *asking) tick(after time.Duration) {
	a.Helper()
	a.now = a.now.Add(after)
	if err := a.driver.Advance(a.now); err != nil {
		a.Fatal(err)
	}
}

// gets pipes an event of a request; its id is given, or its number.
func (a *asking) gets(e events.Envelope) {
	a.Helper()
	a.n++
	if e.ID == "" {
		e.ID = fmt.Sprint("event-", a.n)
	}
	switch e.Publisher {
	case "":
		e.Publisher = "kaas"
	case "nobody":
		e.Publisher = ""
	}
	if e.At == 0 {
		e.At = events.InstantOf(a.now)
	}
	if e.Body == "" {
		e.Body = `{}`
	}
	stream := topologies.Subscribed(topologies.TopicRequestCopies)
	serde, err := stream.Codec.Bind(a.memory, stream.Topic.Name)
	if err != nil {
		a.Fatal(err)
	}
	value, err := serde.Encode(e)
	if err != nil {
		a.Fatal(err)
	}
	rec := topology.Raw{Topic: stream.Topic.Name, Key: []byte(e.Key), Value: value, Timestamp: a.now,
		Headers: []topology.Header{{Key: topology.HeaderID, Value: []byte(e.ID)}, {Key: topology.HeaderSynthetic, Value: fmt.Append(nil, e.Synthetic)}}}
	if err := a.driver.Pipe(rec); err != nil {
		a.Fatal(err)
	}
}

func (a *asking) asks(id, topic string, synthetic bool) {
	a.Helper()
	a.gets(events.Envelope{Type: events.TypeTopicRequested, Publisher: "claims", Key: events.ID(id), Synthetic: synthetic, TransactionID: "t-" + id,
		Body: events.Body(fmt.Sprintf(`{"requestId":%q,"topicName":%q,"partitions":3,"retentionHours":24,"requestedBy":"CANARY@x"}`, id, topic))})
}

func (a *asking) answers(id string, tags ...string) {
	a.Helper()
	a.gets(events.Envelope{Type: events.TypeApprovalAnswered, Key: events.ID(id), Tags: tags})
}

// wrote is what came since the last call: statuses of rows, codes of parked
// and dropped records, acts of the audit.
func (a *asking) wrote() (rows, codes, acts []string) {
	a.Helper()
	group := topologies.KaaS(answerWithin)[0]
	serde, err := codecs.NewAvro[tables.TopicRequest](group.Table.Name, 1<<20).Bind(a.memory, group.Table.Name)
	if err != nil {
		a.Fatal(err)
	}
	for _, w := range a.driver.Took() {
		switch {
		case w.Parked != nil:
			codes = append(codes, w.Parked.Code)
		case w.Dropped != "":
			codes = append(codes, w.Dropped)
		case w.Topic == group.Table.Name:
			row, err := serde.Decode(w.Value)
			if err != nil {
				a.Fatal(err)
			}
			rows = append(rows, row.Status)
			if strings.Contains(string(w.Value), "CANARY") {
				a.Error("the row says who asked")
			}
		case w.Topic == topologies.AuditReceived.Topic.Name:
			e := decoded(a.T, a.memory, topologies.AuditReceived, w.Value)
			acts = append(acts, e.Decision)
			if strings.Contains(string(w.Value), "CANARY") {
				a.Error("the audit says who asked")
			}
		}
	}
	return rows, codes, acts
}

func (a *asking) want(what string, rows, codes []string, did ...string) {
	a.Helper()
	gotRows, gotCodes, acts := a.wrote()
	if !slices.Equal(gotRows, rows) || !slices.Equal(gotCodes, codes) || !slices.Equal(a.did, did) {
		a.Errorf("%s: rows %v, codes %v, did %v; want %v, %v, %v", what, gotRows, gotCodes, a.did, rows, codes, did)
	}
	if len(acts) != len(rows) {
		a.Errorf("%s: %d rows and %d records of the audit", what, len(rows), len(acts))
	}
	a.did = nil
}

func TestTopicRequestsAreDecidedOnce(t *testing.T) {
	a := newAsking(t)
	a.asks("r1", "claims.appeal.withdrawn", false)
	a.asks("r1", "demo.synthetic", true)
	a.tick(0)
	a.want("asked", []string{"REQUESTED", "REQUESTED"}, nil, "ASK r1 synthetic=true", "ASK r1 synthetic=false")
	a.asks("r1", "claims.other", false)
	a.answers("r2", "approved")
	a.answers("r1")
	a.answers("r1", "approved", "unapproved")
	for _, team := range []string{"demo", "nobody"} {
		a.gets(events.Envelope{Type: events.TypeApprovalAnswered, Key: "r1", Tags: []string{"approved"}, Publisher: team})
	}
	a.gets(events.Envelope{Type: events.TypeTopicCreated, Key: "r1"})
	a.tick(0)
	a.want("what is not to be", nil, []string{"REQUEST_REPEATED", "REQUEST_UNKNOWN", "ANSWER_UNDECIDED", "ANSWER_UNDECIDED", "PUBLISHER_FOREIGN", "PUBLISHER_FOREIGN", "REQUEST_UNKNOWN"})
	a.gets(events.Envelope{ID: "yes", Type: events.TypeApprovalAnswered, Key: "r1", Tags: []string{"approved"}})
	a.gets(events.Envelope{ID: "yes", Type: events.TypeApprovalAnswered, Key: "r1", Tags: []string{"approved"}})
	a.answers("r1", "unapproved")
	a.tick(0)
	a.want("answered", []string{"APPROVED", "APPROVED"}, []string{"DUPLICATE"}, "CREATE r1 synthetic=false")
	a.gets(events.Envelope{Type: events.TypeTopicCreated, Key: "r1"})
	a.tick(2 * answerWithin)
	a.want("made; the synthetic one is not answered", []string{"CREATED", "TIMED_OUT"}, nil)
	a.tick(0)
	a.want("", nil, nil, "EXPIRE r1 synthetic=true")
}

func TestTopicRequestsTimeOutByAbsence(t *testing.T) {
	a := newAsking(t)
	a.asks("r1", "claims.a", false)
	a.asks("r2", "claims.b", false)
	a.gets(events.Envelope{Type: events.TypeApprovalAsked, Key: "r1"})
	a.tick(answerWithin - time.Microsecond)
	a.want("in time", []string{"REQUESTED", "REQUESTED", "ASKED"}, nil, "ASK r1 synthetic=false", "ASK r2 synthetic=false")
	a.answers("r2", "unapproved")
	a.tick(time.Microsecond)
	a.tick(0)
	a.want("not answered", []string{"REJECTED", "TIMED_OUT"}, nil, "EXPIRE r1 synthetic=false")
	a.gets(events.Envelope{Type: events.TypeApprovalMissed, Key: "r1"})
	a.answers("r1", "approved")
	a.tick(time.Hour)
	a.want("too late", []string{"TIMED_OUT", "TIMED_OUT"}, nil)
	a.asks("r3", "claims.c", false)
	a.now = a.now.Add(answerWithin + time.Second) // its tick has not come
	a.answers("r3", "approved")
	a.want("too late, before the tick", []string{"REQUESTED", "REQUESTED"}, nil)
}

func TestTopicNamesThatAreNobodys(t *testing.T) {
	a := newAsking(t)
	for i, name := range []string{"claims.claim.paid", "mediator.control.mine", "consumer.kaas.x", "consumer", "audit.received", "claims.x.dlq", "claims.x-table", "Claims.X", "claims_x", "a..b", "-"} {
		a.asks(fmt.Sprint("r", i), name, false)
		a.tick(answerWithin)
		a.want(name, []string{"REFUSED"}, nil)
	}
}

func TestOrdersAreTriedAgainAndParked(t *testing.T) {
	a := newAsking(t)
	a.away = true
	a.asks("r1", "claims.a", false)
	for _, after := range []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second} {
		a.tick(after)
	}
	a.want("parked", []string{"REQUESTED"}, []string{"EFFECT_FAILED"}, slices.Repeat([]string{"ASK r1 synthetic=false"}, 4)...)
}

func TestKaaSGroupsHaveNoFaults(t *testing.T) {
	known := slices.Concat(topologies.Shared(), topologies.KaaSTopics(), []topology.Topic{topologies.ConsumerTopic(topologies.TopicRequestCopies)})
	for _, n := range topology.Check(slices.Concat(topologies.All, topologies.KaaS(answerWithin)), known) {
		if n.Fault {
			t.Errorf("group %s %s", n.Group, n.Text)
		}
	}
	names := map[string]bool{}
	for _, topic := range topologies.Topics() {
		names[topic.Name] = true
	}
	for _, topic := range topologies.KaaSTopics() {
		if names[topic.Name] {
			t.Errorf("%s is a topic of every worker", topic.Name)
		}
	}
	for _, s := range topologies.KaaSSubjects() {
		if _, err := codecs.AvroSchema(s.Topic); err != nil {
			t.Error(err)
		}
	}
}
