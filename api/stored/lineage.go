package stored

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"payerflow/api/audit"
	"payerflow/api/problem"
	"payerflow/connectors/expire"
	"payerflow/connectors/hydrate"
	"payerflow/connectors/store"
)

type idInput struct {
	ID string `path:"id" maxLength:"255" doc:"Event id"`
}

// HeldRecords are all stored records of one event.
type HeldRecords struct {
	Events []Held `json:"events" doc:"By time"`
}

func (d *Door) get(ctx context.Context, in *idInput) (*struct{ Body HeldRecords }, error) {
	r, done, err := d.who(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	records, err := d.Store.Event(ctx, in.ID)
	if err != nil {
		return nil, d.problemOf(ctx, err)
	}
	out, keys := HeldRecords{Events: []Held{}}, []string(nil)
	for _, rec := range records {
		if e, ok := r.show(rec); ok && e.ID == in.ID {
			out.Events, keys = append(out.Events, e), append(keys, rec.Event.Subject)
		}
	}
	audit.Shows(ctx, len(out.Events), keys...)
	if len(out.Events) == 0 {
		return nil, notHeld()
	}
	return &struct{ Body HeldRecords }{out}, nil
}

func notHeld() error {
	return problem.New(http.StatusNotFound, "EVENT_NOT_FOUND", "the store holds no such event that the token may read; what came within the last seconds may not be there yet")
}

// LineageStep is one record on an event's way.
type LineageStep struct {
	Relation  string    `json:"relation" enum:"led to it,itself,came of it"`
	ID        string    `json:"id"`
	Type      string    `json:"eventType"`
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	Time      time.Time `json:"time" doc:"Time stamp of the record"`
	Redriven  string    `json:"redriven,omitempty" doc:"The dead letter that it came back from"`
}

// Lineage is an event's way.
type Lineage struct {
	ID    string        `json:"id"`
	Steps []LineageStep `json:"steps" doc:"By time"`
	More  bool          `json:"more" doc:"The transaction has more records than are shown"`
}

// mostSteps bounds a lineage: a transaction id may be shared by very many.
const mostSteps = 1000

func (d *Door) lineage(ctx context.Context, in *idInput) (*struct{ Body Lineage }, error) {
	r, done, err := d.who(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	own, err := d.Store.Event(ctx, in.ID)
	if err != nil {
		return nil, d.problemOf(ctx, err)
	}
	out, seen, keys := Lineage{ID: in.ID, Steps: []LineageStep{}}, map[string]bool{}, []string(nil)
	add := func(relation string, rec store.Record) {
		e, ok := r.show(rec)
		if !ok || seen[rec.String()] {
			return
		}
		seen[rec.String()] = true
		keys = append(keys, rec.Event.Subject)
		out.Steps = append(out.Steps, LineageStep{relation, e.ID, e.Type, rec.Topic, rec.Partition, rec.Offset, rec.Time, string(rec.Header("pf_redriven"))})
	}
	transactions := map[string]bool{}
	for _, rec := range own {
		add("itself", rec)
		if e, ok := r.show(rec); ok && is(rec.Event.Transaction, e.Transaction) { // what links them may be seen
			transactions[rec.Event.Transaction] = true
		}
	}
	if len(out.Steps) == 0 {
		audit.Shows(ctx, 0)
		return nil, notHeld()
	}
	first, last := own[0].Time, own[len(own)-1].Time
	for transaction := range transactions {
		if transaction == "" {
			continue
		}
		page, err := d.Store.Find(ctx, store.Query{Transaction: transaction}, nil, mostSteps)
		if err != nil {
			return nil, d.problemOf(ctx, err)
		}
		out.More = out.More || page.Next != nil
		for _, rec := range page.Records {
			if rec.Event.ID != in.ID {
				add(relation(rec, first, last), rec)
			}
		}
	}
	audit.Shows(ctx, len(out.Steps), keys...)
	slices.SortStableFunc(out.Steps, func(a, b LineageStep) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return &struct{ Body Lineage }{out}, nil
}

// relation of a record of the same transaction: what was there before the event
// came led to it, what came later came of it.
func relation(rec store.Record, first, last time.Time) string {
	if rec.Time.Before(first) || rec.Time.Equal(first) && rec.Time.Before(last) {
		return "led to it"
	}
	return "came of it"
}

// StoreStatus is how the store and this worker's sink stand.
type StoreStatus struct {
	Sink    hydrate.SinkStatus `json:"sink" doc:"Of this worker: others have partitions of their own"`
	Shelves int                `json:"shelves" doc:"Partitions of topics, and of their earlier lives, that the store holds records of"`
	Topics  []string           `json:"topics"`
	Oldest  *time.Time         `json:"oldest,omitempty" doc:"Time stamp of the oldest record that is held"`
	Holds   int                `json:"holds" doc:"Legal holds"`
	Expiry  *expire.ExpiryStatus     `json:"expiry,omitempty" doc:"What topics may forget; of this worker"`
}

func (d *Door) status(ctx context.Context, _ *struct{}) (*struct{ Body StoreStatus }, error) {
	if _, err := principal(ctx); err != nil {
		return nil, err
	}
	if d.Store == nil {
		return nil, noStore()
	}
	out := StoreStatus{Sink: d.Sink(), Topics: []string{}}
	shelves, err := d.Store.Shelves(ctx)
	if err != nil {
		return nil, d.problemOf(ctx, err)
	}
	out.Shelves = len(shelves)
	for _, s := range shelves {
		if !slices.Contains(out.Topics, s.Topic) {
			out.Topics = append(out.Topics, s.Topic)
		}
	}
	oldest, err := d.Store.Oldest(ctx)
	if err != nil {
		return nil, d.problemOf(ctx, err)
	}
	for _, at := range oldest {
		if out.Oldest == nil || at.Before(*out.Oldest) {
			out.Oldest = &at
		}
	}
	holds, err := d.Store.Holds(ctx)
	if err != nil {
		return nil, d.problemOf(ctx, err)
	}
	out.Holds = len(holds)
	if d.old != nil {
		old := d.old()
		out.Expiry = &old
	}
	return &struct{ Body StoreStatus }{out}, nil
}
