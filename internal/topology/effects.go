package topology

import (
	"reflect"
	"time"
)

// Effects is a group that does something outside for each event of a stream: a
// mail, a webhook, a write to another store. What it does is given to the
// engine by the group's name; here stands when.
//
// An event is put into the backlog of its key in the transaction that reads
// it, so that offsets move on. It is tried from there, in order, one key at a
// time: after a failure again after 1, 2 and 4 seconds, while later events of
// that key queue behind it. When the third retry fails too, it and its queue
// go to the dead letter topic of the stream, in order. An effect happens at
// least once; its ID is the event's, for the receiver to tell doubles by.
type Effects[E Event] struct {
	Name  string // consumer group; permanent, for it names the changelog
	Doc   string
	Input Stream[E]
	Rows  Codec[Backlog]
}

// Effect is one thing to do outside.
type Effect struct {
	ID        string // event identity, the idempotency key
	Key       string
	Event     Event
	Synthetic bool
	Attempt   int // 0 for the first
}

// Backlog is the row of an Effects group: what is still to do for one key.
type Backlog struct {
	Pending  []Pending `avro:"pending" json:"pending"`   // oldest first
	Failures int       `avro:"failures" json:"failures"` // of the oldest, since it was first tried
	Due      int64     `avro:"due" json:"due"`           // unix microseconds from when the oldest is tried
	LastAt   int64     `avro:"lastAt" json:"lastAt"`     // event time of the latest event, unix microseconds
}

// Pending is an event as its record holds it.
type Pending struct {
	ID        string   `avro:"id" json:"id"`
	Topic     string   `avro:"topic" json:"topic"`
	Partition int32    `avro:"partition" json:"partition"`
	Offset    int64    `avro:"offset" json:"offset"`
	Value     []byte   `avro:"value" json:"value"`
	Headers   []Header `avro:"headers" json:"headers"`
}

// Because names what is still to do.
func (b Backlog) Because() Because {
	ids := make([]string, len(b.Pending))
	for i, p := range b.Pending {
		ids[i] = p.ID
	}
	const most = 100
	return BecauseOf(ids, most)
}

// LatestEventAt is the event time of the latest event that came in.
func (b Backlog) LatestEventAt() time.Time { return time.UnixMicro(b.LastAt).UTC() }

// retryAfter is how long an effect waits after each failure; the next one is
// the last.
var retryAfter = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}

// Declare works out what follows, as Group.Declare does.
func (f Effects[E]) Declare() Declared {
	d := Group[Backlog]{
		Name: f.Name, Doc: f.Doc, Rows: f.Rows,
		Inputs: Inputs[Backlog]{{Edge{Topic: f.Input.Topic, Bind: bindAny(f.Input.Codec), Type: reflect.TypeFor[E](), Fold: enqueue}}},
		Timer:  Timer[Backlog]{Due: Backlog.due, Wake: func(b Backlog, _ Waking) (Backlog, []Output) { return b, nil }},
	}.Declare()
	d.Outside = true
	return d
}

// Gone is true where nothing is left to do: the row goes.
func (b Backlog) Gone() bool { return len(b.Pending) == 0 }

func (b Backlog) due() time.Time {
	if len(b.Pending) == 0 {
		return time.Time{}
	}
	return time.UnixMicro(b.Due)
}

// enqueue is the fold of an Effects group. A record that comes again while it
// is still to do changes nothing.
func enqueue(row any, m Meta, _ any, _ Reader) (any, []Output) {
	b, _ := row.(Backlog)
	id := m.id()
	for _, p := range b.Pending {
		if p.ID == id {
			return b, nil
		}
	}
	b.LastAt = max(b.LastAt, m.At.UnixMicro())
	if len(b.Pending) == 0 {
		b.Due = 0 // at the next tick
	}
	r := m.rec
	b.Pending = append(b.Pending[:len(b.Pending):len(b.Pending)],
		Pending{ID: id, Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Value: r.Value, Headers: r.Headers})
	return b, nil
}

// Settle is the row after its oldest events were tried: done of them took
// effect, and then one failed, or none did. Given up are those that go to the
// dead letter topic.
func (b Backlog) Settle(done int, failed bool, clock time.Time) (next Backlog, givenUp []Pending) {
	next = b
	next.Pending = b.Pending[done:]
	if done > 0 {
		next.Failures, next.Due = 0, 0
	}
	if !failed {
		return next, nil
	}
	if next.Failures == len(retryAfter) {
		next.Pending, next.Failures, next.Due = nil, 0, 0
		return next, b.Pending[done:]
	}
	next.Due = clock.Add(retryAfter[next.Failures]).UnixMicro()
	next.Failures++
	return next, nil
}

// Effect reads the event of a pending one.
func (b *Bound) Effect(p Pending, key string, synthetic bool, attempt int) (Effect, error) {
	v, err := b.inputs[0].Decode(p.Value)
	if err != nil {
		return Effect{}, err
	}
	return Effect{ID: p.ID, Key: key, Event: v.(Event), Synthetic: synthetic, Attempt: attempt}, nil
}
