package batching

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"payerflow/events"
	"payerflow/internal/rowlog"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// wide is a row that takes room.
type wide struct {
	N   int    `json:"n"`
	Pad string `json:"pad"`
}

func (wide) Because() topology.Because { return topology.Because{} }
func (wide) LatestEventAt() time.Time  { return time.Time{} }

// bare is a codec without a registry.
type bare[T any] struct{}

func (bare[T]) Schema() string { return "" }
func (bare[T]) Bind(topology.Schemas, string) (topology.Serde[T], error) {
	return bare[T]{}, nil
}
func (bare[T]) Encode(v T) ([]byte, error)       { return json.Marshal(v) }
func (bare[T]) Decode(b []byte) (v T, err error) { return v, json.Unmarshal(b, &v) }
func (bare[T]) Digest(v T) ([]byte, error)       { return json.Marshal(v) }

// TestAChangedRowStays: a transaction that uses more rows than are kept still
// sees what it has changed.
func TestAChangedRowStays(t *testing.T) {
	input := topologies.ClaimSubmitted
	declared := topology.Group[wide]{Name: "wide.v1-test-consumer", Rows: bare[wide]{}, Inputs: topology.Inputs[wide]{
		topology.Fold(input, func(w wide, _ topology.Record[events.ClaimSubmitted]) (wide, []topology.Output) { return w, nil })}}.Declare()
	b, err := topology.Bind(declared, nil)
	if err != nil {
		t.Fatal(err)
	}
	log, err := rowlog.Open(t.TempDir(), rowlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	const size = 1 << 19
	keys := cacheBytes / size * 2
	var batch rowlog.Batch
	value, _ := json.Marshal(wide{N: 1, Pad: strings.Repeat("x", size)})
	for i := range keys {
		batch.Put(0, fmt.Sprint(i), value, 0)
		if err := log.Commit(&batch, nil); err != nil {
			t.Fatal(err)
		}
		batch.Reset()
	}
	rows, err := NewRows(b, new(atomic.Bool), log, []int32{0})
	if err != nil {
		t.Fatal(err)
	}
	p := rows.Part(0)
	first, err := rows.load(p, []byte("0"))
	if err != nil {
		t.Fatal(err)
	}
	p.set(first, wide{N: 2})
	for i := range keys {
		kept, err := rows.load(p, fmt.Append(nil, i))
		if err != nil {
			t.Fatal(err)
		}
		if n := kept.Value.(wide).N; i > 0 && n != 1 {
			t.Fatalf("row %d is %d", i, n)
		}
	}
	again, err := rows.load(p, []byte("0"))
	if err != nil || again.Value.(wide).N != 2 {
		t.Errorf("the row that was changed is %d again, %v", again.Value.(wide).N, err)
	}
	if n := len(p.young) + len(p.old); n > keys/2 {
		t.Errorf("%d of %d rows are kept", n, keys)
	}
}
