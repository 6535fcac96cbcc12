package topology_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"payerflow/internal/topology"
)

var now = time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)

func driverOf(t *testing.T, groups ...topology.Declared) *topology.Driver {
	t.Helper()
	d, err := topology.NewDriver(groups, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func rawOf(key, note string) topology.Raw {
	value, _ := json.Marshal(happened{key, now, note})
	return topology.Raw{Topic: "g.in", Key: []byte(key), Value: value}
}

func with(rec topology.Raw, change func(*topology.Raw)) topology.Raw { change(&rec); return rec }

func header(name, value string) topology.Header {
	return topology.Header{Key: name, Value: []byte(value)}
}

// rowOf is the row under a stored key, as it was written.
func rowOf(t *testing.T, d *topology.Driver, stored string) (row tally) {
	t.Helper()
	if b := d.Rows("g-table")[stored]; b != nil {
		if err := json.Unmarshal(b, &row); err != nil {
			t.Fatal(err)
		}
	}
	return row
}

func TestRecordsThatAreParked(t *testing.T) {
	at := func(when time.Time) []byte {
		b, _ := json.Marshal(happened{"k", when, "note"})
		return b
	}
	const secret = "canary-4711"
	for name, c := range map[string]struct {
		rec           topology.Raw
		code, pointer string
		identified    bool
	}{
		"no value":              {with(rawOf("k", ""), func(r *topology.Raw) { r.Value = nil }), topology.NullValue, "", false},
		"an empty value":        {with(rawOf("k", ""), func(r *topology.Raw) { r.Value = []byte{} }), topology.Undecodable, "", false},
		"no key":                {with(rawOf("", ""), func(r *topology.Raw) { r.Key = nil }), topology.InvalidKey, "", false},
		"a long key":            {rawOf(strings.Repeat("k", 1025), ""), topology.InvalidKey, "", false},
		"a key of other bytes":  {with(rawOf("k", ""), func(r *topology.Raw) { r.Key = []byte("k\xff") }), topology.InvalidKey, "", false},
		"a reserved key":        {rawOf("__offset", ""), topology.InvalidKey, "", false},
		"a control character":   {rawOf("\x01k", ""), topology.InvalidKey, "", false},
		"a C1 control":          {rawOf("k\u0085", ""), topology.InvalidKey, "", false},
		"bad bytes":             {with(rawOf("k", ""), func(r *topology.Raw) { r.Value = []byte(secret) }), topology.Undecodable, "", false},
		"an invalid event":      {rawOf("k", "invalid"), "NOTE_INVALID", "/note", false},
		"a key of another":      {with(rawOf("k", ""), func(r *topology.Raw) { r.Key = []byte(secret) }), topology.KeyMismatch, "/key", false},
		"an ancient event time": {with(rawOf("k", ""), func(r *topology.Raw) { r.Value = at(time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC)) }), topology.TimeOutOfRange, "", true},
		"a future event time":   {with(rawOf("k", ""), func(r *topology.Raw) { r.Value = at(now.Add(24*time.Hour + 1)) }), topology.TimeOutOfRange, "", true},
		"an ancient stamp":      {with(rawOf("k", ""), func(r *topology.Raw) { r.Timestamp = time.UnixMilli(0) }), topology.TimeOutOfRange, "", true},
		"a future stamp":        {with(rawOf("k", ""), func(r *topology.Raw) { r.Timestamp = now.Add(25 * time.Hour) }), topology.TimeOutOfRange, "", true},
		"a fold that panics":    {rawOf("k", "panic"), topology.FoldPanicked, "", true},
		"a rule that refuses":   {rawOf("k", "reject"), "REFUSED", "/note", true},
		"an undeclared output":  {rawOf("k", "emit undeclared"), topology.UnroutedOutput, "", true},
		"an output too large":   {rawOf("k", "emit unwritable"), topology.OutputNotCoded, "", true},
		"a row too large":       {rawOf("k", "unwritable"), topology.RowNotCoded, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			d := driverOf(t, groupOf("g").Declare())
			if err := d.Pipe(rawOf("k", "before")); err != nil {
				t.Fatal(err)
			}
			before := fmt.Sprint(d.Rows("g-table"))
			d.Took()
			if err := d.Pipe(c.rec); err != nil {
				t.Fatal(err)
			}
			took := d.Took()
			if len(took) != 1 || took[0].Parked == nil || took[0].Topic != "g.in.dlq" {
				t.Fatalf("wrote %+v", took)
			}
			p := took[0].Parked
			if p.Code != c.code || p.Pointer != c.pointer || p.Reason == "" || (p.EventID != "") != c.identified {
				t.Errorf("parked %+v", *p)
			}
			if strings.Contains(fmt.Sprintf("%+v", *p), secret) {
				t.Error("the value shows")
			}
			if (p.Stack != "") != (c.code == topology.FoldPanicked) {
				t.Error("a stack belongs to a panic")
			}
			if after := fmt.Sprint(d.Rows("g-table")); after != before {
				t.Error("the row changed")
			}
		})
	}
}

func TestRecordsAtTheEdgeAreFolded(t *testing.T) {
	for name, rec := range map[string]topology.Raw{
		"the longest key":     rawOf(strings.Repeat("k", 1024), ""),
		"one underscore":      rawOf("_k", ""),
		"a key in Greek":      rawOf("κλειδί", ""),
		"the first moment":    with(rawOf("k", ""), func(r *topology.Raw) { r.Timestamp = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }),
		"a clock a day ahead": with(rawOf("k", ""), func(r *topology.Raw) { r.Timestamp = now.Add(24 * time.Hour) }),
	} {
		d := driverOf(t, groupOf("g").Declare())
		if err := d.Pipe(rec); err != nil {
			t.Fatal(err)
		}
		if len(d.Rows("g-table")) != 1 {
			t.Errorf("%s: wrote %+v", name, d.Took())
		}
	}
}

// What is away holds a record up: nothing is parked, nothing is written, and
// the same record passes later.
func TestUnavailableNeverCondemns(t *testing.T) {
	for name, rec := range map[string]topology.Raw{
		"on reading":           with(rawOf("k", ""), func(r *topology.Raw) { r.Value = []byte("away") }),
		"on writing a row":     rawOf("k", "away-on-write"),
		"on writing an output": rawOf("k", "emit away-on-write"),
	} {
		d := driverOf(t, groupOf("g").Declare())
		if err := d.Pipe(rec); !errors.Is(err, topology.ErrUnavailable) {
			t.Errorf("%s: error %v", name, err)
		}
		if took := d.Took(); len(took) != 0 || len(d.Rows("g-table")) != 0 {
			t.Errorf("%s: wrote %+v", name, took)
		}
	}
}

func TestIdentity(t *testing.T) {
	plain := rawOf("k", "note")
	derived := topology.UUIDv5("g.in", "k", plain.Value)
	for name, c := range map[string]struct {
		rec  topology.Raw
		want string
	}{
		"derived":                 {plain, derived},
		"derived of other bytes":  {with(plain, func(r *topology.Raw) { r.Value = append([]byte(" \n"), r.Value...) }), derived},
		"derived at other places": {with(plain, func(r *topology.Raw) { r.Partition, r.Timestamp = 3, now.Add(time.Hour) }), derived},
		"given":                   {with(plain, func(r *topology.Raw) { r.Headers = []topology.Header{header("ce_id", "e-1")} }), "e-1"},
		"given twice":             {with(plain, func(r *topology.Raw) { r.Headers = []topology.Header{header("ce_id", "e-1"), header("ce_id", "e-2")} }), "e-2"},
		"given empty":             {with(plain, func(r *topology.Raw) { r.Headers = []topology.Header{header("ce_id", "")} }), derived},
		"given too long":          {with(plain, func(r *topology.Raw) { r.Headers = []topology.Header{header("ce_id", strings.Repeat("e", 256))} }), derived},
		"given of other bytes":    {with(plain, func(r *topology.Raw) { r.Headers = []topology.Header{header("ce_id", "\xff")} }), derived},
		"given with a control":    {with(plain, func(r *topology.Raw) { r.Headers = []topology.Header{header("ce_id", "e\n1")} }), derived},
	} {
		d := driverOf(t, groupOf("g").Declare())
		if err := d.Pipe(c.rec); err != nil {
			t.Fatal(err)
		}
		if got := rowOf(t, d, "k").IDs; len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: identity %q, want %s", name, got, c.want)
		}
	}
}

func TestWhatIsEmittedIsFoldedAndInherits(t *testing.T) {
	next := topology.Group[tally]{Name: "h", Rows: jsonCodec[tally]{}, Inputs: topology.Inputs[tally]{topology.Fold(streamOf[followed]("g.out", 6), tallyFollowed)}}
	d := driverOf(t, groupOf("g").Declare(), next.Declare())
	rec := with(rawOf("k", "emit"), func(r *topology.Raw) {
		r.Headers = []topology.Header{header("ce_synthetic", "true"), header("ce_id", "e-1"), header("traceparent", "tp"), header("other", "x")}
	})
	if err := d.Pipe(rec); err != nil {
		t.Fatal(err)
	}
	stored := topology.RowKey("k", true)
	if d.Rows("h-table")[stored] == nil || len(d.Rows("h-table")) != 1 {
		t.Fatalf("rows of the next group: %q", d.Rows("h-table"))
	}
	took := d.Took()
	last := took[len(took)-1]
	if last.Topic != "h-table" || fmt.Sprintf("%s", last.Source.Headers) != "[{ce_synthetic true} {traceparent tp}]" {
		t.Errorf("the record that followed has headers %s", last.Source.Headers)
	}
}

func TestSyntheticRowsLieApart(t *testing.T) {
	d := driverOf(t, groupOf("g").Declare())
	for _, rec := range []topology.Raw{
		rawOf("k", "real"),
		with(rawOf("k", "made up"), func(r *topology.Raw) { r.Headers = []topology.Header{header("ce_synthetic", "true")} }),
		with(rawOf("k", "said to be real"), func(r *topology.Raw) { r.Headers = []topology.Header{header("ce_synthetic", "false")} }),
	} {
		if err := d.Pipe(rec); err != nil {
			t.Fatal(err)
		}
	}
	if got := rowOf(t, d, topology.RowKey("k", false)).Notes; fmt.Sprint(got) != "[real said to be real]" {
		t.Errorf("real row %q", got)
	}
	if got := rowOf(t, d, topology.RowKey("k", true)).Notes; fmt.Sprint(got) != "[made up]" {
		t.Errorf("synthetic row %q", got)
	}
	for _, synthetic := range []bool{true, false} {
		if key, is := topology.EntityKey(topology.RowKey("k", synthetic)); key != "k" || is != synthetic {
			t.Errorf("EntityKey = %q, %v", key, is)
		}
	}
}

func TestReadersReadOnlyWhatIsDeclared(t *testing.T) {
	other := groupOf("other")
	var joined, looked tally
	g := topology.Group[tally]{Name: "g", Rows: jsonCodec[tally]{}, Joins: []topology.TableRef{other.TableOf().Ref()}, Lookups: []topology.TableRef{other.TableOf().Ref()}}
	g.Inputs = topology.Inputs[tally]{topology.FoldWith(streamOf[happened]("g.in", 6),
		func(r topology.Reader, rec topology.Record[happened]) struct{} {
			joined, looked = topology.Joined(r, other.TableOf()), topology.Looked(r, other.TableOf(), "elsewhere")
			if rec.Body.Note == "undeclared" {
				topology.Looked(r, groupOf("third").TableOf(), "k")
			}
			return struct{}{}
		},
		func(row tally, _ topology.Record[happened], _ struct{}) (tally, []topology.Output) { return row, nil })}
	d := driverOf(t, g.Declare(), other.Declare())
	for _, key := range []string{"k", "elsewhere"} {
		if err := d.Pipe(with(rawOf(key, "row of "+key), func(r *topology.Raw) { r.Topic = "other.in" })); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Pipe(rawOf("k", "")); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(joined.Notes, looked.Notes) != "[row of k] [row of elsewhere]" {
		t.Errorf("joined %v, looked up %v", joined.Notes, looked.Notes)
	}
	d.Took()
	if err := d.Pipe(rawOf("k", "undeclared")); err != nil {
		t.Fatal(err)
	}
	if took := d.Took(); len(took) != 1 || took[0].Parked == nil || took[0].Parked.Code != topology.FoldPanicked {
		t.Errorf("wrote %+v", took)
	}
}

func TestBecauseIsSortedAndBounded(t *testing.T) {
	got := topology.BecauseOf([]string{"c", "a", "d", "b"}, 3)
	if fmt.Sprint(got.IDs) != "[a b c]" || got.Count != 4 {
		t.Errorf("%+v", got)
	}
}
