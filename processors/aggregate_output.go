package processors

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"
	"github.com/go-json-experiment/json"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// HeaderAggregation is the header of an output with the aggregation's name and
// version: the router drops what no version in force emitted.
const HeaderAggregation = "pf_aggregation"

// StaleAggregation is why an output is dropped.
const StaleAggregation = "STALE_AGGREGATION"

// AggregatedSource is the source system of outputs.
const AggregatedSource = "payerflow/aggregations"

// aggregatedType is the transaction type of outputs.
const aggregatedType = "AGGREGATE"

const maxAggregatedTags = 100

// AggregatedBody is the body of an aggregation's output.
type AggregatedBody struct {
	Aggregation string                 `json:"aggregation"`
	Version     int32                  `json:"version"`
	Combine     string                 `json:"combine"`
	Key         events.ID              `json:"key"`
	Start       events.Instant         `json:"start"`
	End         events.Instant         `json:"end"`
	Count       int64                  `json:"count"`
	Values      map[string]events.Text `json:"values,omitempty"`
	Events      []string               `json:"events"`
	Steps       []AggregatedStep       `json:"steps,omitempty"`
	ElapsedMs   *int64                 `json:"elapsedMs,omitempty"`
}

// AggregatedStep is when the event of a step happened.
type AggregatedStep struct {
	Name string         `json:"name"`
	Time events.Instant `json:"time"`
}

func bodyOf(row tables.Aggregated) AggregatedBody {
	return AggregatedBody{Aggregation: row.Aggregation, Version: row.Version, Combine: row.Plan.Kind, Key: row.Group, Events: []string{}}
}

// everyOutput is that of one event.
func everyOutput(row tables.Aggregated, rec topology.Record[events.AggregationMatched]) topology.Output {
	m, b := rec.Body, bodyOf(row)
	b.Start, b.End, b.Count, b.Events = m.At, m.At, 1, []string{m.ID}
	for i := range min(len(m.Values), len(m.Plan.Values)) {
		b.value(m.Plan.Values[i].Name, m.Values[i])
	}
	return output(row, b, m.ID, made{at: m.At, received: m.MatchedAt, tags: m.Tags, transaction: m.TransactionID, synthetic: rec.Synthetic})
}

func (b *AggregatedBody) value(name string, text events.Text) {
	if text == "" {
		return
	}
	if b.Values == nil {
		b.Values = map[string]events.Text{}
	}
	b.Values[name] = text
}

// windowOutput is that of a window that is over.
func windowOutput(row tables.Aggregated, w tables.AggregatedWindow, clock events.Instant, synthetic bool) topology.Output {
	b := bodyOf(row)
	b.Start, b.End, b.Count, b.Events = w.Start, w.End, w.Count, w.IDs
	for i := range min(len(w.Values), len(row.Plan.Values)) {
		b.value(row.Plan.Values[i].Name, w.Values[i].Said(row.Plan.Values[i]))
	}
	return output(row, b, strconv.FormatInt(int64(w.Start), 10)+" "+strconv.FormatInt(int64(w.End), 10), made{at: w.End, received: clock, synthetic: synthetic})
}

// factsOutput is that of several events, by their time. Its transaction and
// trace are those of the last of them.
func factsOutput(row tables.Aggregated, set []tables.AggregatedFact, end, clock events.Instant, synthetic bool) topology.Output {
	b, last := bodyOf(row), set[len(set)-1]
	elapsed := int64(last.At-set[0].At) / 1000
	b.Start, b.End, b.Count, b.ElapsedMs = set[0].At, end, int64(len(set)), &elapsed
	what := ""
	m := made{at: end, received: clock, transaction: last.TransactionID, trace: last.Trace, synthetic: synthetic}
	for _, f := range set {
		b.Events = append(b.Events, f.ID)
		b.Steps = append(b.Steps, AggregatedStep{row.Plan.Steps[f.Step], f.At})
		m.tags = append(m.tags, f.Tags...)
		what += strconv.Itoa(len(f.ID)) + " " + f.ID + " "
	}
	return output(row, b, what, m)
}

// made is the metadata of an output.
type made struct {
	at, received events.Instant
	tags         []string
	transaction  string
	trace        string
	synthetic    bool
}

// output is an event of the aggregation's team. Its id follows from the
// version, the key and what it is about, so that the same is never two events.
func output(row tables.Aggregated, b AggregatedBody, about string, m made) topology.Output {
	key := string(events.AggregationKey(row.Aggregation, row.Version, row.Group))
	text, _ := json.Marshal(b, json.Deterministic(true)) // texts and numbers always marshal
	sum := sha256.Sum256([]byte(string(row.Plan.Output) + "\x00" + string(row.Group) + "\x00" + string(text)))
	slices.Sort(m.tags)
	m.tags = slices.Compact(m.tags)
	e := events.Envelope{
		ID: topology.UUIDv5("aggregation", key, []byte(about)), Type: row.Plan.Output, TypeVersion: row.Plan.OutputVersion, Key: row.Group,
		TransactionID: m.transaction, At: m.at, TransactionType: aggregatedType, SourceSystem: AggregatedSource, Synthetic: m.synthetic,
		Tags: append([]string{}, m.tags[:min(len(m.tags), maxAggregatedTags)]...), Extensions: map[string]string{}, Publisher: teamOf(row.Aggregation),
		ReceivedAt: m.received, Digest: hex.EncodeToString(sum[:]), Body: events.Body(text),
	}
	if e.TransactionID == "" {
		e.TransactionID = e.ID
	}
	headers := append(headersOf(e), topology.Header{Key: HeaderAggregation, Value: []byte(row.Aggregation + "@" + strconv.Itoa(int(row.Version)))})
	if m.trace != "" {
		headers = append(headers, topology.Header{Key: "traceparent", Value: []byte(m.trace)})
	}
	return topology.Output{Key: string(e.Key), Value: e, Headers: headers}
}

// sampled spreads groups evenly.
func sampled(group events.ID) uint64 { return xxhash.Sum64String(string(group)) }
