package topology

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"
	"unicode"
	"unicode/utf8"
)

// Header names that travel with a record.
const (
	HeaderID        = "ce_id"        // CloudEvents id, the event's identity
	HeaderSynthetic = "ce_synthetic" // "true": the event is fictitious

	// Coordinates of the record before it was repartitioned. They are trusted
	// on repartition topics only, which nobody but the group writes.
	HeaderTopic     = "pf_topic"
	HeaderPartition = "pf_partition"
	HeaderOffset    = "pf_offset"

	// HeaderOutput names, on a dead letter, the one output that was not written
	// for want of its topic. All else that the record did stands.
	HeaderOutput = "pf_output"
)

// Header is one record header.
type Header struct {
	Key   string `avro:"key"`
	Value []byte `avro:"value"`
}

// Raw is a record as it came from the stream.
type Raw struct {
	Topic     string
	Partition int32
	Offset    int64
	Key       []byte
	Value     []byte // nil: the record has none
	Headers   []Header
	Timestamp time.Time
}

// Header returns the last value of a header, nil if it is absent.
func (r *Raw) Header(name string) (value []byte) {
	for _, h := range r.Headers {
		if h.Key == name {
			value = h.Value
		}
	}
	return value
}

// Synthetic says whether the record is marked as a fictitious event.
func (r *Raw) Synthetic() bool { return string(r.Header(HeaderSynthetic)) == "true" }

// Parked says why a record goes to its DLQ. It never repeats a key or a value.
type Parked struct {
	Code    string
	Pointer string // JSON pointer of the field at fault, "" for the whole record
	Reason  string
	EventID string // "" where the record did not decode
	Stack   string // of a fold that panicked
}

// Reason codes of records that no rule of a fold refused.
const (
	NullValue       = "NULL_VALUE"
	InvalidKey      = "INVALID_KEY"
	KeyMismatch     = "KEY_MISMATCH"
	Undecodable     = "UNDECODABLE"
	InvalidEvent    = "INVALID_EVENT"
	TimeOutOfRange  = "TIMESTAMP_OUT_OF_RANGE"
	FoldPanicked    = "FOLD_PANICKED"
	UnroutedOutput  = "UNROUTED_OUTPUT"
	OutputNotCoded  = "OUTPUT_NOT_ENCODABLE"
	RowNotCoded     = "ROW_NOT_ENCODABLE"
	NoSuchOutput    = "OUTPUT_TOPIC_MISSING"
	TimerStuck      = "TIMER_STUCK"
	EffectFailed    = "EFFECT_FAILED"
	maxKeyBytes     = 1024
	maxClockAhead   = 24 * time.Hour
	reservedKeyMark = "__"
)

// earliest is the oldest event time that is taken for real; older ones are
// clocks that were never set.
var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Emission is an encoded output of a fold.
type Emission struct {
	Topic   Topic // of a routed stream the name alone: Partitions is 0
	Key     string
	Value   []byte
	Headers []Header
}

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

// Bound is a declared group with its codecs connected to a registry.
type Bound struct {
	Declared
	Rows    AnySerde
	Tables  map[string]AnySerde // joined and looked-up tables by topic
	inputs  []AnySerde
	outputs map[string]AnySerde
}

// Bind connects the codecs of a group. It does no I/O.
func Bind(d Declared, s Schemas) (*Bound, error) {
	b := &Bound{Declared: d, Tables: map[string]AnySerde{}, outputs: map[string]AnySerde{}}
	var errs []error
	bind := func(f binder, topic string) AnySerde {
		serde, err := f(s, topic)
		errs = append(errs, err)
		return serde
	}
	b.Rows = bind(d.BindRows, d.Table.Name)
	for _, in := range d.Inputs {
		b.inputs = append(b.inputs, bind(in.Bind, in.Topic.Name))
	}
	for _, t := range append(append([]TableRef(nil), d.Joins...), d.Lookups...) {
		b.Tables[t.Topic.Name] = bind(t.Bind, t.Topic.Name)
	}
	for _, o := range d.Emits() {
		b.outputs[o.Topic.Name] = bind(o.Bind, o.Topic.Name)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("group %s: %w", d.Name, err)
	}
	return b, nil
}

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

// caused encodes all that a fold asked for, and what follows from the change
// of its row.
func (b *Bound) caused(key string, before, after any, outputs []Output) ([]Emission, *Parked, error) {
	emit, parked, err := b.encode(outputs)
	if err != nil || parked != nil || len(b.Follows) == 0 {
		return emit, parked, err
	}
	more, parked, err := b.follow(key, before, after)
	return append(emit, more...), parked, err
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

type noCanonicalForm struct{}

func noForm() *Parked {
	return &Parked{Code: InvalidEvent, Reason: "the event has no canonical form"}
}

func (b *Bound) decode(in int, rec *Raw) (Event, *Parked, error) {
	if rec.Value == nil {
		return nil, &Parked{Code: NullValue, Reason: "the record has no value, and event topics have no tombstones"}, nil
	}
	if reason := keyFault(rec.Key); reason != "" {
		return nil, &Parked{Code: InvalidKey, Reason: reason}, nil
	}
	v, err := b.inputs[in].Decode(rec.Value)
	if errors.Is(err, ErrUnavailable) {
		return nil, nil, err
	}
	if err != nil {
		return nil, parkedBy(err, Undecodable), nil
	}
	event := v.(Event)
	if err := event.Validate(); err != nil {
		return nil, parkedBy(err, InvalidEvent), nil
	}
	if event.Subject() != string(rec.Key) {
		return nil, &Parked{Code: KeyMismatch, Pointer: "/" + b.Inputs[in].Topic.KeyField,
			Reason: "the record key is not the value of the topic's key field"}, nil
	}
	return event, nil, nil
}

func parkedBy(err error, otherwise string) *Parked {
	var f Fault
	if errors.As(err, &f) {
		return &Parked{Code: f.Code(), Pointer: f.Pointer(), Reason: f.Error()}
	}
	return &Parked{Code: otherwise, Reason: err.Error()}
}

func keyFault(key []byte) string {
	switch {
	case len(key) == 0:
		return "the record has no key"
	case len(key) > maxKeyBytes:
		return fmt.Sprintf("the key is longer than %d bytes", maxKeyBytes)
	case !utf8.Valid(key):
		return "the key is not UTF-8"
	case string(key[:min(2, len(key))]) == reservedKeyMark:
		return "keys that begin with two underscores are reserved"
	}
	for _, c := range string(key) {
		if unicode.IsControl(c) {
			return "the key holds a control character"
		}
	}
	return ""
}

func timeOutOfRange(at, stamp, now time.Time) *Parked {
	limit := now.Add(maxClockAhead)
	switch {
	case at.Before(earliest) || stamp.Before(earliest):
		return &Parked{Code: TimeOutOfRange, Reason: "the event time or the record's time stamp is before 2000"}
	case at.After(limit) || stamp.After(limit):
		return &Parked{Code: TimeOutOfRange, Reason: "the event time or the record's time stamp is more than 24 hours ahead"}
	}
	return nil
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

func (b *Bound) encode(outputs []Output) (emit []Emission, parked *Parked, err error) {
	for _, o := range outputs {
		if reject, ok := o.Value.(Reject); ok {
			return nil, &Parked{Code: reject.ReasonCode, Pointer: reject.At, Reason: reject.Reason}, nil
		}
		to, err := b.Route(o)
		if err != nil {
			return nil, &Parked{Code: UnroutedOutput, Reason: err.Error()}, nil
		}
		value, err := b.outputs[to.Topic.Name].Encode(o.Value)
		if err != nil {
			parked, err := notCoded(err, OutputNotCoded, "an output for "+to.Topic.Name+" cannot be written")
			return nil, parked, err
		}
		e := Emission{to.Topic, o.Key, value, o.Headers}
		if to.Routed {
			e.Topic = Topic{Name: o.Topic}
		}
		emit = append(emit, e)
		for _, also := range o.Also {
			if !to.Routed || !to.names(also) {
				return nil, &Parked{Code: UnroutedOutput, Reason: b.misnamed(o.Value, to).Error()}, nil
			}
			e.Topic = Topic{Name: also}
			emit = append(emit, e)
		}
	}
	return emit, nil, nil
}

// Mark encodes the record that says what a transaction was pinned to, if
// there is to be one.
func (b *Bound) Mark(p Pinned, worker string, ranges []Range) ([]Emission, error) {
	mark := p.Mark(worker, ranges)
	if mark.Value == nil {
		return nil, nil
	}
	emit, parked, err := b.encode([]Output{mark})
	if parked != nil {
		err = fmt.Errorf("group %s: its marker: %s", b.Name, parked.Reason)
	}
	return emit, err
}

func notCoded(err error, code, reason string) (*Parked, error) {
	if errors.Is(err, ErrUnavailable) {
		return nil, err
	}
	var f Fault
	if errors.As(err, &f) {
		reason += ": " + f.Error()
	}
	return &Parked{Code: code, Reason: reason}, nil
}
