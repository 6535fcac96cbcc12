package engine_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// reminder waits for a time, tells itself that it has come, and then tells two
// topics that it names, of which one does not exist.
type reminder struct {
	Due   time.Time `json:"due"`
	Woken int       `json:"woken"`
	Told  int       `json:"told"`
}

func (r reminder) Because() topology.Because { return topology.Because{Count: 1} }
func (r reminder) LatestEventAt() time.Time  { return r.Due }

const (
	reminding = "reminding.v1-test-consumer"
	teamTopic = "test.team.here"
)

var (
	reminded = topology.Loop(reminding, "reminded", 12, plain[events.ClaimPaid]{})
	team     = topology.Stream[events.ClaimSubmitted]{Topic: topology.Topic{Name: "test.team.", MaxMessageBytes: 1 << 20}, Codec: plain[events.ClaimSubmitted]{}}
	reminds  = topology.Group[reminder]{
		Name: reminding, Rows: plain[reminder]{},
		Inputs: topology.Inputs[reminder]{
			topology.Fold(topologies.ClaimSubmitted, func(row reminder, rec topology.Record[events.ClaimSubmitted]) (reminder, []topology.Output) {
				row.Due = rec.At.Add(time.Hour)
				return row, nil
			}),
			topology.Fold(reminded, func(row reminder, rec topology.Record[events.ClaimPaid]) (reminder, []topology.Output) {
				row.Told++
				return row, []topology.Output{
					{Key: rec.Key, Value: submitted(rec.Body.ClaimID), Topic: teamTopic},
					{Key: rec.Key, Value: submitted(rec.Body.ClaimID), Topic: "test.team.gone"},
				}
			}),
		},
		Outputs: []topology.StreamRef{reminded.Ref(), team.Routed()},
		Timer: topology.Timer[reminder]{
			Due: func(row reminder) time.Time { return row.Due },
			Wake: func(row reminder, w topology.Waking) (reminder, []topology.Output) {
				row.Due, row.Woken = time.Time{}, row.Woken+1
				return row, []topology.Output{{Key: w.Key, Value: paid(events.ID(w.Key))}}
			},
		},
		View: topology.View{Name: "reminders", Key: "claimId"},
	}
)

func TestTimerLoopAndRoutedOutput(t *testing.T) {
	c := newCluster(t)
	group := reminds.Declare()
	c.create(group.Topics()...)
	there := team.Topic
	there.Name, there.Partitions, there.Cleanup = teamTopic, 3, topology.Delete
	c.create(there)
	e, stop := c.start(t.TempDir(), []topology.Declared{group})
	soon := submitted("soon")
	soon.SubmittedAt = events.InstantOf(time.Now().Add(-time.Hour + 300*time.Millisecond))
	later := submitted("later")
	later.SubmittedAt = events.InstantOf(time.Now())
	c.produce(record(c, topologies.ClaimSubmitted, later), record(c, topologies.ClaimSubmitted, soon))
	row := func(e interface {
		Get(view, key string, synthetic bool) (topology.Answer, error)
	}, key string) reminder {
		a, err := e.Get("reminders", key, false)
		if err != nil {
			return reminder{}
		}
		return a.Row.(reminder)
	}
	eventually(t, "the row that was woken and told itself so", func() bool { return row(e, "soon").Told == 1 })
	stop()

	e, _ = c.start(t.TempDir(), []topology.Declared{group}) // from the changelog: what was due is not due again
	c.produce(record(c, topologies.ClaimSubmitted, submitted("marker")))
	eventually(t, "the row of the second life", func() bool { return row(e, "marker").Told == 1 })
	if r := row(e, "soon"); r.Woken != 1 || r.Told != 1 {
		t.Errorf("woken %d times, told %d times", r.Woken, r.Told)
	}
	if r := row(e, "later"); r.Woken != 0 || r.Due.IsZero() {
		t.Errorf("woken %d times before its time", r.Woken)
	}
	folding := e.Status().Groups[0]
	rows, waiting := 0, 0
	for _, p := range folding.Table.Partitions {
		rows, waiting = rows+p.Rows, waiting+p.Waiting
	}
	if folding.State != "running" || len(folding.Inputs) != 48 || len(folding.Table.Partitions) != 12 || rows != 3 || waiting != 1 {
		t.Errorf("status %s, %d inputs, %d rows, %d waiting", folding.State, len(folding.Inputs), rows, waiting)
	}
	if n := len(c.read(teamTopic, 2)); n != 2 {
		t.Errorf("%d outputs to a topic that a row names", n)
	}
	letters, err := codecs.DeadLetters.Bind(c.schemas, reminded.Topic.DLQ().Name)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range c.read(reminded.Topic.DLQ().Name, 2) {
		if letter, err := letters.Decode(r.Value); err != nil || letter.Metadata.ReasonCode != topology.NoSuchOutput {
			t.Errorf("dead letter %q, %v", letter.Metadata.ReasonCode, err)
		}
	}
	for _, r := range c.read(group.Ticks.Name, 2) {
		tick, err := topology.DecodeTick(r.Value)
		if err != nil || tick.Clock.After(time.Now()) || tick.Positions[topologies.ClaimSubmitted.Topic.Name] == 0 || r.Key != nil {
			t.Errorf("tick %+v, %v", tick, err)
		}
	}
}

// read returns what a topic holds, once there is as much as asked for.
func (c *cluster) read(topic string, least int) (rs []*kgo.Record) {
	c.t.Helper()
	reader, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		c.t.Fatal(err)
	}
	defer reader.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for len(rs) < least {
		f := reader.PollFetches(ctx)
		if ctx.Err() != nil {
			c.t.Fatalf("%d of %d records of %s", len(rs), least, topic)
		}
		rs = append(rs, f.Records()...)
	}
	return rs
}

func TestRowsThatCannotBeWokenAreParked(t *testing.T) {
	c := newCluster(t)
	bad := reminds
	bad.Name, bad.Outputs, bad.Inputs = "stuck.v1-test-consumer", nil, bad.Inputs[:1]
	bad.Timer.Wake = func(row reminder, w topology.Waking) (reminder, []topology.Output) {
		if w.Key == "panics" {
			panic("with a value")
		}
		return row, nil // due as before
	}
	group := bad.Declare()
	c.create(group.Topics()...)
	e, _ := c.start(t.TempDir(), []topology.Declared{group})
	c.produce(record(c, topologies.ClaimSubmitted, submitted("panics")), record(c, topologies.ClaimSubmitted, submitted("stays")))
	letters, err := codecs.DeadLetters.Bind(c.schemas, group.Ticks.DLQ().Name)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]string{}
	for _, r := range c.read(group.Ticks.DLQ().Name, 2) {
		letter, err := letters.Decode(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		codes[string(letter.OriginalKey)] = letter.Metadata.ReasonCode
		if row := (reminder{}); json.Unmarshal(letter.OriginalPayload, &row) != nil || row.Due.IsZero() {
			t.Error("the dead letter does not hold the row")
		}
	}
	if codes["panics"] != topology.FoldPanicked || codes["stays"] != topology.TimerStuck {
		t.Errorf("parked as %v", codes)
	}
	eventually(t, "a worker that goes on", func() bool { return e.Ready() == nil })
}
