package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"payerflow/internal/engine"
	"payerflow/internal/topology"
)

// The workload is a ledger. Postings and adjustments (another partition count)
// are folded into one row for each account, which counts how often each id was
// applied; every application is a receipt with the id. Accounts are a table of
// another group, joined and looked up. Every posting has an effect outside.

// fact is the body of every event here.
type fact struct {
	ID      string    `json:"id"`
	Account string    `json:"account"`
	At      time.Time `json:"at"`
}

func (f fact) Subject() string       { return f.Account }
func (f fact) OccurredAt() time.Time { return f.At }
func (f fact) Validate() error {
	if f.ID == "" {
		return errors.New("no id")
	}
	return nil
}

type (
	posted   struct{ fact }
	adjusted struct{ fact }
	changed  struct{ fact }
	echoed   struct{ fact }
	noted    struct{ fact }
	reminded struct{ fact }
)

func (posted) EventType() string   { return "POSTED" }
func (adjusted) EventType() string { return "ADJUSTED" }
func (changed) EventType() string  { return "CHANGED" }
func (echoed) EventType() string   { return "ECHOED" }
func (noted) EventType() string    { return "NOTED" }
func (reminded) EventType() string { return "REMINDED" }

// receipt says that an id was applied, as the nth of its account.
type receipt struct {
	fact
	N      int `json:"n"`
	Joined int `json:"joined"` // changes of this account, as joined
	Looked int `json:"looked"` // changes of the house account, as looked up
}

func (receipt) EventType() string { return "RECEIPT" }

// ledger is the row of an account: how often each id was applied.
type ledger struct {
	IDs     map[string]int `json:"ids"`
	Pending []string       `json:"pending"` // not yet reminded of
	Due     time.Time      `json:"due"`
	At      time.Time      `json:"at"`
}

func (l ledger) LatestEventAt() time.Time { return l.At }
func (l ledger) Because() topology.Because {
	return topology.BecauseOf(slices.Collect(maps.Keys(l.IDs)), 10)
}

// account counts its changes.
type account struct {
	N  int       `json:"n"`
	At time.Time `json:"at"`
}

func (a account) LatestEventAt() time.Time  { return a.At }
func (a account) Because() topology.Because { return topology.Because{Count: a.N} }

// plain is a codec without a registry.
type plain[T any] struct{}

func (plain[T]) Schema() string                                           { return "" }
func (plain[T]) Bind(topology.Schemas, string) (topology.Serde[T], error) { return plain[T]{}, nil }
func (plain[T]) Encode(v T) ([]byte, error)                               { return json.Marshal(v) }
func (plain[T]) Decode(b []byte) (v T, err error)                         { return v, json.Unmarshal(b, &v) }
func (plain[T]) Digest(v T) ([]byte, error)                               { return json.Marshal(v) }

const (
	partitions = 6
	houseKey   = "house" // the account that every posting looks up
	mirror     = "mirror-"
	ledgerName = "ledgers.v1-chaos-consumer"
	remindIn   = time.Second
)

func stream[E topology.Event](name string, partitions int) topology.Stream[E] {
	return topology.Stream[E]{Codec: plain[E]{}, Topic: topology.Topic{
		Name: name, Partitions: partitions, Cleanup: topology.Delete, Compression: "lz4", MaxMessageBytes: 1 << 20, KeyField: "account"}}
}

var (
	postings    = stream[posted]("chaos.posted", partitions)
	adjustments = stream[adjusted]("chaos.adjusted", 3)
	changes     = stream[changed]("chaos.account-changed", partitions)
	receipts    = stream[receipt]("chaos.receipts", partitions)
	reminders   = stream[reminded]("chaos.reminders", partitions)
	notes       = stream[noted]("chaos.notes.", partitions)
	echoes      = topology.Loop(ledgerName, "echo", partitions, plain[echoed]{})

	accounts = topology.Group[account]{
		Name: "accounts.v1-chaos-consumer", Rows: plain[account]{},
		Inputs: topology.Inputs[account]{topology.Fold(changes, func(row account, rec topology.Record[changed]) (account, []topology.Output) {
			return account{N: row.N + 1, At: rec.At}, nil
		})},
	}
	ledgers = topology.Group[ledger]{
		Name: ledgerName, Rows: plain[ledger]{},
		Inputs: topology.Inputs[ledger]{
			topology.FoldWith(postings, gather, apply[posted]),
			topology.FoldWith(adjustments, gather, apply[adjusted]),
			topology.FoldWith(echoes, gather, apply[echoed]),
		},
		Joins:   []topology.TableRef{accounts.TableOf().Ref()},
		Lookups: []topology.TableRef{accounts.TableOf().Ref()},
		Outputs: []topology.StreamRef{receipts.Ref(), reminders.Ref(), notes.Routed(), echoes.Ref()},
		Timer:   topology.Timer[ledger]{Due: func(l ledger) time.Time { return l.Due }, Wake: remind},
		View: topology.View{Name: "ledgers", Key: "account", Topic: topology.Topic{
			Name: "chaos.ledgers", Partitions: partitions, Cleanup: topology.Compact, Compression: "lz4", MaxMessageBytes: 2 << 20}},
	}
	mails = topology.Effects[posted]{Name: "mails.v1-chaos-consumer", Input: postings, Rows: plain[topology.Backlog]{}}

	groups = []topology.Declared{accounts.Declare(), ledgers.Declare(), mails.Declare()}
)

// outside does the effects: each is a call of the receiver at url.
func outside(url string) map[string]engine.Effector {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	return map[string]engine.Effector{mails.Name: func(ctx context.Context, e topology.Effect) error {
		body, err := json.Marshal(e.Event.(posted).fact)
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Idempotency-Key", e.ID)
		req.Header.Set("Attempt", strconv.Itoa(e.Attempt))
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusNoContent {
			return errors.New(resp.Status)
		}
		return nil
	}}
}

type facts struct{ joined, looked account }

func gather[E topology.Event](r topology.Reader, _ topology.Record[E]) facts {
	return facts{topology.Joined(r, accounts.TableOf()), topology.Looked(r, accounts.TableOf(), houseKey)}
}

func apply[E topology.Event](row ledger, rec topology.Record[E], f facts) (ledger, []topology.Output) {
	body := factOf(rec.Body)
	ids := maps.Clone(row.IDs)
	if ids == nil {
		ids = map[string]int{}
	}
	ids[body.ID]++
	n := 0
	for _, times := range ids {
		n += times
	}
	next := ledger{IDs: ids, Pending: append(slices.Clone(row.Pending), body.ID), Due: row.Due, At: rec.At}
	if next.Due.IsZero() {
		next.Due = rec.At.Add(remindIn)
	}
	out := []topology.Output{
		{Key: rec.Key, Value: receipt{fact: body, N: n, Joined: f.joined.N, Looked: f.looked.N}},
		{Key: rec.Key, Value: noted{body}, Topic: notes.Topic.Name + noteOf(body.ID)},
	}
	if number := numberOf(body.ID); number%5 == 0 && !strings.HasPrefix(body.Account, mirror) {
		echo := fact{ID: body.ID + "~", Account: mirror + body.Account, At: body.At}
		out = append(out, topology.Output{Key: echo.Account, Value: echoed{echo}})
	}
	return next, out
}

func remind(row ledger, w topology.Waking) (ledger, []topology.Output) {
	var out []topology.Output
	for _, id := range row.Pending {
		out = append(out, topology.Output{Key: w.Key, Value: reminded{fact{ID: id, Account: w.Key, At: w.Due}}})
	}
	row.Pending, row.Due = nil, time.Time{}
	return row, out
}

// numberOf is the n of id-n and id-n~.
func numberOf(id string) int {
	n, err := strconv.Atoi(strings.Trim(id, "id-~"))
	if err != nil {
		panic("no such id")
	}
	return n
}

// noteOf ends the topic of a note; every fiftieth names one that is not there.
func noteOf(id string) string {
	if numberOf(id)%50 == 33 {
		return "nowhere"
	}
	return strconv.Itoa(numberOf(id) % noteTopics)
}

const noteTopics = 2

func factOf(e any) fact {
	switch e := e.(type) {
	case posted:
		return e.fact
	case adjusted:
		return e.fact
	case echoed:
		return e.fact
	}
	panic("no such event")
}

// topics are all topics that the workload touches.
func topics() (all []topology.Topic) {
	ts := []topology.Topic{topology.Members, topology.Versions, receipts.Topic, reminders.Topic}
	for n := range noteTopics {
		t := notes.Topic
		t.Name += strconv.Itoa(n)
		ts = append(ts, t)
	}
	for _, g := range groups {
		ts = append(ts, g.Topics()...)
		for _, in := range g.Inputs {
			ts = append(ts, in.Topic, in.Topic.DLQ())
		}
		if g.View.Topic.Name != "" {
			ts = append(ts, g.View.Topic)
		}
	}
	seen := map[string]bool{}
	for _, t := range ts {
		if !seen[t.Name] {
			seen[t.Name] = true
			all = append(all, t)
		}
	}
	return all
}
