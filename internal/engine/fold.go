package engine

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"payerflow/internal/batching"
	"payerflow/internal/topology"
)

// onRecords is goka's callback: a run of records of one input partition, in
// order. fold is what becomes of each.
func (g *group) onRecords(rt *runtime, ctx goka.Context, fold func(*work, *kgo.Record) error) {
	w, records, err := g.work(rt, ctx)
	for i := 0; err == nil && i < len(records) && !w.s.held(); i++ {
		if err = fold(w, records[i]); err != nil {
			err = fmt.Errorf("%s/%d offset %d: %w", ctx.Topic(), ctx.Partition(), records[i].Offset, err)
		}
	}
	if errors.Is(err, topology.ErrUnavailable) {
		w.s.hold(topicPartition{string(ctx.Topic()), ctx.Partition()}, err)
		return
	}
	if err != nil { // the transaction is aborted, and the records come again
		rt.fail(err)
		ctx.DeferCommit()(errCondemned)
	}
}

var errCondemned = errors.New("see the run's cause")

// work is what the records of one callback have in common, and what the fold
// of the record in progress reads: it is that fold's topology.Reader.
type work struct {
	rt       *runtime
	s        *session
	source   topology.Topic // whose dead letters these are
	in       int
	via      bool // a repartition topic
	now      time.Time
	counters *inputCounters

	batching.Work
	hop     trace.Span // of the record in progress; nil: nobody follows it
	retries int        // of an effect that is given up
	copied  copied     // of the output that was sent last
}

func (g *group) work(rt *runtime, ctx goka.Context) (*work, []*kgo.Record, error) {
	s := rt.current.Load()
	if s == nil {
		return nil, nil, errors.New("callback outside of a session")
	}
	topic := string(ctx.Topic())
	c := s.claims[topicPartition{topic, ctx.Partition()}]
	if c == nil {
		return nil, nil, errors.New("callback for a partition that is not assigned")
	}
	records, err := c.take(ctx.Offset())
	in, via := g.viaOf[topic]
	if !via {
		in = g.inputOf[topic]
	}
	w := &work{rt: rt, s: s, source: g.Inputs[in].Topic, in: in, via: via, Work: batching.NewWork(s.rows.Rows, s.rows.Part(ctx.Partition())), now: time.Now(),
		counters: &g.counters[in]}
	return w, records, err
}

// begin takes up the next record.
func (w *work) begin(rec *kgo.Record) {
	raw := rawOf(rec)
	if w.via {
		batching.Original(&raw)
		g := w.group()
		if in, ok := g.inputOf[raw.Topic]; ok && in != w.in {
			w.in, w.source, w.counters = in, g.Inputs[in].Topic, &g.counters[in]
		}
	}
	w.Begin(raw)
	w.Quiet = w.quietRecord()
	w.follow()
}

func (w *work) group() *group { return w.rt.p.g }

// Park and Emit are batching.Out.
func (w *work) Park(why *topology.Parked) error { return w.group().park(w, why) }

// Emit produces an output.
func (w *work) Emit(e topology.Emission) error { return w.group().emit(w, e) }

// Pinned is what the transaction is pinned to.
func (w *work) Pinned() topology.Pinned { return w.s.pinned }

// onRecord is the way of one record through the folding processor: to the
// partition of its key if it is elsewhere, else through the fold, else to its
// dead letter topic.
func (g *group) onRecord(w *work, rec *kgo.Record) error {
	if !w.via {
		if g.passesBy(w, rec) {
			return nil
		}
		if topology.Partition(rec.Key, g.Table.Partitions) != rec.Partition {
			g.forward(w, rec)
			return nil
		}
	}
	w.begin(rec)
	result, err := w.Fold(w.in, w.now, w, w)
	if err != nil {
		return err
	}
	if w.hop != nil && result.Row != nil && result.Parked == nil {
		w.s.hops.changed(w.RowKey(), w.hop.SpanContext())
	}
	w.count(result)
	return nil
}

// passesBy says whether a record is none of the group's business. It looks at
// nothing but headers.
func (g *group) passesBy(w *work, rec *kgo.Record) bool {
	without := g.Inputs[w.in].Without
	if without == "" || !slices.ContainsFunc(rec.Headers, func(h kgo.RecordHeader) bool { return h.Key == without }) {
		return false
	}
	w.counters.passed.Inc()
	return true
}

// count counts what became of a record or a tick; what is parked is counted there.
func (w *work) count(result topology.Result) {
	if result.Parked != nil {
		return
	}
	g := w.group()
	if result.Dropped != "" {
		g.e.metrics.dropped.WithLabelValues(g.Name, w.Raw.Topic, result.Dropped).Inc()
	}
	w.counters.folded.Inc()
}

// emit produces an output, to the partition of its key. One whose topic does
// not exist is parked by itself: the rest of what its record did stands.
func (g *group) emit(w *work, e topology.Emission) error {
	if w.Quiet && !g.own[e.Topic.Name] {
		g.e.metrics.heldBack.WithLabelValues(g.Name).Inc()
		return nil
	}
	partitions := e.Topic.Partitions
	if partitions == 0 {
		var err error
		if partitions, err = w.rt.cluster.count(e.Topic.Name); err != nil {
			return err
		}
		if partitions == 0 {
			headers := w.Raw.Headers
			defer func() { w.Raw.Headers = headers }()
			w.Raw.Headers = append(headers[:len(headers):len(headers)], topology.Header{Key: topology.HeaderOutput, Value: []byte(e.Topic.Name)})
			return g.park(w, &topology.Parked{Code: topology.NoSuchOutput, Reason: "an output was not written: there is no topic " + e.Topic.Name})
		}
	}
	key, headers := w.wire(e)
	if w.hop != nil {
		headers = w.send(e.Topic.Name, e.Headers, headers)
	}
	w.rt.produce(&kgo.Record{Topic: e.Topic.Name, Partition: topology.Partition(key, partitions),
		Key: key, Value: e.Value, Timestamp: w.Raw.Timestamp, Headers: headers})
	return nil
}

// copied is what outputs that go to several topics have in common.
type copied struct {
	of      []topology.Header
	text    string
	key     []byte
	headers []kgo.RecordHeader
}

// wire is an output's key and headers as they are sent. One that goes to many
// topics has them once.
func (w *work) wire(e topology.Emission) ([]byte, []kgo.RecordHeader) {
	c := &w.copied
	if len(e.Headers) == 0 || len(c.of) != len(e.Headers) || &c.of[0] != &e.Headers[0] || c.text != e.Key {
		*c = copied{of: e.Headers, text: e.Key, key: []byte(e.Key), headers: headersOf(topology.HeadersOf(&w.Raw, e.Headers))}
	}
	return c.key, c.headers
}

// forward puts a record into the repartition topic of its stream.
func (g *group) forward(w *work, rec *kgo.Record) {
	w.rt.produce(repartitioned(g.Inputs[w.in].Via, rec))
	w.counters.repartitioned.Inc()
}

// repartitioned is a record as it goes to a repartition topic: at the partition
// of its key, with its time stamp, headers and first coordinates.
func repartitioned(via topology.Topic, rec *kgo.Record) *kgo.Record {
	r := &kgo.Record{Topic: via.Name, Partition: topology.Partition(rec.Key, via.Partitions),
		Key: rec.Key, Value: rec.Value, Timestamp: rec.Timestamp}
	for _, h := range rec.Headers {
		if !batching.IsCoordinate(h.Key) {
			r.Headers = append(r.Headers, h)
		}
	}
	r.Headers = append(r.Headers,
		kgo.RecordHeader{Key: topology.HeaderTopic, Value: []byte(rec.Topic)},
		kgo.RecordHeader{Key: topology.HeaderPartition, Value: strconv.AppendInt(nil, int64(rec.Partition), 10)},
		kgo.RecordHeader{Key: topology.HeaderOffset, Value: strconv.AppendInt(nil, rec.Offset, 10)})
	return r
}

func (g *group) decodeRow(b []byte) (any, error) {
	row, err := g.Rows.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("row of %s: %w", g.Table.Name, err)
	}
	return row, nil
}

func headersOf(hs []topology.Header) []kgo.RecordHeader {
	if len(hs) == 0 {
		return nil
	}
	out := make([]kgo.RecordHeader, 0, len(hs))
	for _, h := range hs {
		out = append(out, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	return out
}

// inputCounters count what became of the records of one input.
type inputCounters struct{ folded, parked, repartitioned, passed prometheus.Counter }
