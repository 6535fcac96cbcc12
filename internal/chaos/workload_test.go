package chaos

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"payerflow/internal/topology"
)

// The workload is a ledger. Postings and adjustments (another partition count)
// are folded into one row for each account, which counts how often each id was
// applied; every application is a receipt with the id. Accounts are a table of
// another group, joined and looked up.

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
)

func (posted) EventType() string   { return "POSTED" }
func (adjusted) EventType() string { return "ADJUSTED" }
func (changed) EventType() string  { return "CHANGED" }

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
	IDs map[string]int `json:"ids"`
	At  time.Time      `json:"at"`
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

	accounts = topology.Group[account]{
		Name: "accounts.v1-chaos-consumer", Rows: plain[account]{},
		Inputs: topology.Inputs[account]{topology.Fold(changes, func(row account, rec topology.Record[changed]) (account, []topology.Output) {
			return account{N: row.N + 1, At: rec.At}, nil
		})},
	}
	ledgers = topology.Group[ledger]{
		Name: "ledgers.v1-chaos-consumer", Rows: plain[ledger]{},
		Inputs: topology.Inputs[ledger]{
			topology.FoldWith(postings, gather, apply[posted]),
			topology.FoldWith(adjustments, gather, apply[adjusted]),
		},
		Joins:   []topology.TableRef{accounts.TableOf().Ref()},
		Lookups: []topology.TableRef{accounts.TableOf().Ref()},
		Outputs: []topology.StreamRef{receipts.Ref()},
		View: topology.View{Name: "ledgers", Key: "account", Topic: topology.Topic{
			Name: "chaos.ledgers", Partitions: partitions, Cleanup: topology.Compact, Compression: "lz4", MaxMessageBytes: 2 << 20}},
	}
	groups = []topology.Declared{accounts.Declare(), ledgers.Declare()}
)

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
	return ledger{IDs: ids, At: rec.At}, []topology.Output{{Key: rec.Key, Value: receipt{fact: body, N: n, Joined: f.joined.N, Looked: f.looked.N}}}
}

func factOf(e any) fact {
	switch e := e.(type) {
	case posted:
		return e.fact
	case adjusted:
		return e.fact
	}
	panic("no such event")
}

// topics are all topics that the workload touches.
func topics() []topology.Topic {
	ts := []topology.Topic{topology.Members, receipts.Topic}
	for _, g := range groups {
		ts = append(ts, g.Topics()...)
		for _, in := range g.Inputs {
			ts = append(ts, in.Topic, in.Topic.DLQ())
		}
		if g.View.Topic.Name != "" {
			ts = append(ts, g.View.Topic)
		}
	}
	return ts
}
