package batching

import (
	"time"

	"payerflow/internal/topology"
)

// Out takes what a record or a tick caused into the open transaction.
type Out interface {
	Park(why *topology.Parked) error
	Emit(e topology.Emission) error
}

// Work takes records through a partition, one at a time, and reads the group's
// own table for the fold in progress.
type Work struct {
	Rows *Rows
	Part *Part
	Raw  topology.Raw // the record in progress
	// Quiet says that another version of the view speaks for the record in
	// progress.
	Quiet bool

	stored []byte // key of the row
	kept   *Row   // nil: not loaded
	load   topology.Load
}

// NewWork is for records that are folded in one partition.
func NewWork(r *Rows, p *Part) Work { return Work{Rows: r, Part: p} }

// Begin takes up the next record.
func (w *Work) Begin(raw topology.Raw) {
	w.Raw, w.stored, w.kept = raw, raw.Key, nil
	if raw.Synthetic() {
		w.stored = []byte(topology.StoredKey(&w.Raw))
	}
}

// loadFor reads a row by its key, or for "" that of the record's key.
func (w *Work) loadFor(key string) (any, error) {
	if key != "" {
		w.stored = []byte(topology.RowKey(key, w.Raw.Synthetic()))
	}
	return w.loadRow()
}

// RowKey is the stored key of the row that the last fold was about, "" where it
// read none.
func (w *Work) RowKey() string {
	if w.kept == nil {
		return ""
	}
	return w.kept.Key
}

func (w *Work) loadRow() (_ any, err error) {
	if w.kept, err = w.Rows.load(w.Part, w.stored); err != nil {
		return nil, err
	}
	return w.kept.Value, nil
}

// Row reads another row of the group's own table, in this partition.
func (w *Work) Row(key string) any {
	kept, err := w.Rows.load(w.Part, []byte(topology.RowKey(key, w.Raw.Synthetic())))
	if err != nil {
		panic(topology.Unreadable{Err: err})
	}
	return kept.Value
}

// Under reads rows under a key, in this partition.
func (w *Work) Under(key, after string, limit int) []topology.Sub {
	if !w.Rows.g.KeepsUnder() {
		panic("group " + w.Rows.g.Name + " reads rows under keys and keeps none")
	}
	under, err := w.Rows.under(w.Part, topology.RowKey(topology.RowUnder(key, ""), w.Raw.Synthetic()), after, limit)
	if err != nil {
		panic(topology.Unreadable{Err: err})
	}
	return under
}

// Fold takes the record in progress, of input number in, through the fold, and
// puts what it did into the open transaction.
func (w *Work) Fold(in int, now time.Time, r topology.Reader, out Out) (topology.Result, error) {
	if w.load == nil {
		w.load = w.loadFor
	}
	result, err := w.Part.steps.Step(in, &w.Raw, now, w.load, r)
	if err = w.check(&result, err); err != nil {
		return result, err
	}
	return result, w.apply(result, out)
}

// check parks a record at once whose row cannot be written, where one was met.
func (w *Work) check(result *topology.Result, err error) error {
	if err == nil && result.Parked == nil && topology.Kept(result.Row) != nil && w.Rows.careful.Load() {
		_, result.Parked, err = w.Part.steps.EncodeRow(result.Row)
	}
	return err
}

// apply puts what a record or a tick did into the open transaction.
func (w *Work) apply(result topology.Result, out Out) error {
	if result.Parked != nil {
		return out.Park(result.Parked)
	}
	if result.Row != nil {
		w.Part.set(w.kept, result.Row)
		w.kept.told = w.kept.told || !w.Quiet
	}
	for _, e := range result.Emit {
		if err := out.Emit(e); err != nil {
			return err
		}
	}
	return nil
}
