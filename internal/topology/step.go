package topology

import (
	"fmt"
	"runtime/debug"
	"time"
)

// Result is what one record did: a new row and emissions, or a parked record.
type Result struct {
	Row    any // nil: the row stays as it is
	Emit   []Emission
	Parked *Parked
	// Dropped is the code of a record that the rules take no notice of.
	Dropped string
}

// Unreadable is what a Reader panics with where a table cannot be read: a
// fault of the place, not of the record.
type Unreadable struct{ Err error }

// Stepper takes records through a group, one at a time. Each goroutine has its own.
type Stepper struct {
	b     *Bound
	at    int32 // partition
	in    int
	rec   *Raw
	event Event  // nil: not decoded
	id    string // "": not asked for
	ask   func() string
}

// Stepper makes a Stepper for records that are folded in one partition.
func (b *Bound) Stepper(partition int32) *Stepper {
	s := &Stepper{b: b, at: partition}
	s.ask = s.mustIdentify
	return s
}

// Load reads a row by its key, or for "" that of the record's key.
type Load func(key string) (any, error)

// Step takes one record of input number in through decoding, the checks that
// hold for every event, and the fold. load returns the decoded row, nil if
// there is none; it is the one that the input names, and else, for "", that of
// the record's key. now bounds event times from above.
//
// The error is nil, or wraps ErrUnavailable (try the same record again later),
// or comes from load. All that is wrong with the record itself is a Parked.
func (s *Stepper) Step(in int, rec *Raw, now time.Time, load Load, r Reader) (Result, error) {
	s.in, s.rec, s.event, s.id = in, rec, nil, ""
	res, err := s.step(now, load, r)
	s.name(res.Parked)
	return res, err
}

func (s *Stepper) step(now time.Time, load Load, r Reader) (res Result, err error) {
	if s.event, res.Parked, err = s.b.decode(s.in, s.rec); err != nil || res.Parked != nil {
		return res, err
	}
	meta := Meta{Key: s.event.Subject(), At: s.event.OccurredAt(), Synthetic: s.rec.Synthetic(), id: s.ask, rec: s.rec}
	if _, stamped := s.event.(Stamped); stamped {
		meta.At = s.rec.Timestamp
	}
	if res.Parked = timeOutOfRange(meta.At, s.rec.Timestamp, now); res.Parked != nil {
		return res, nil
	}
	switch edge := s.b.Inputs[s.in].Edge; {
	case edge.Single:
		meta.Row = RowOfPartition(s.at)
	case edge.ByID:
		if meta.Row, err = s.identify(); err != nil {
			return Result{Parked: noForm()}, nil
		}
		if edge.Space != nil {
			meta.Row = IdentityRow(edge.Space(s.event), meta.Row)
		}
	case edge.Suffix != nil:
		meta.Row = RowUnder(meta.Key, edge.Suffix(s.event))
	}
	row, err := load(meta.Row)
	if err != nil {
		return res, err
	}
	before := row
	row, outputs, parked, err := fold(func() (any, []Output) { return s.b.Inputs[s.in].Fold(row, meta, s.event, r) })
	if err != nil || parked != nil {
		return Result{Parked: parked}, err
	}
	for _, o := range outputs {
		if d, ok := o.Value.(Dropped); ok {
			return Result{Dropped: d.Code}, nil
		}
	}
	res.Row = row
	res.Emit, res.Parked, err = s.b.caused(meta.Key, before, row, outputs)
	return res, err
}

// EncodeRow writes the row that the last step gave as the table stores it. It
// parks the record whose row cannot be written, such as one that has outgrown
// its table: that must not hold up the partition.
func (s *Stepper) EncodeRow(row any) ([]byte, *Parked, error) {
	value, err := s.b.Rows.Encode(row)
	if err == nil {
		return value, nil, nil
	}
	parked, err := notCoded(err, RowNotCoded, "the row that follows cannot be written to "+s.b.Table.Name)
	s.name(parked)
	return nil, parked, err
}

// name notes the identity of the event in what parks it, where it decoded.
func (s *Stepper) name(p *Parked) {
	if p != nil && s.event != nil {
		p.EventID, _ = s.identify()
	}
}

// identify works out the identity of the event, once: most folds never ask.
func (s *Stepper) identify() (_ string, err error) {
	if s.id == "" {
		s.id, err = s.b.identity(s.in, s.rec, s.event)
	}
	return s.id, err
}

// mustIdentify is asked from within a fold.
func (s *Stepper) mustIdentify() string {
	id, err := s.identify()
	if err != nil {
		panic(noCanonicalForm{})
	}
	return id
}

// fold runs a rule. What it panics with is a fault of the record.
func fold(rule func() (any, []Output)) (next any, out []Output, parked *Parked, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case Unreadable:
			err = p.Err
		case noCanonicalForm:
			parked = noForm()
		default:
			parked = &Parked{Code: FoldPanicked, Reason: fmt.Sprintf("the fold panicked with a %T", p), Stack: string(debug.Stack())}
		}
	}()
	next, out = rule()
	return next, out, nil, nil
}
