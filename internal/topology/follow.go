package topology

import "reflect"

// Entry is an event that follows from a row: what others are to know of it.
// Its place is its Subject, the key under which it is known, and its suffix
// among other entries of that key: "" where there is but one. Removed is the
// same entry saying that it is no more.
type Entry[E any] interface {
	Event
	Suffix() string
	Removed() E
}

// Follow is a stream of entries that follow from a group's rows. See
// docs/adr/0010.
type Follow[S Row] struct {
	stream  StreamRef
	entries func(key string, row any) []placed
}

// Following is a Follow without its row type.
type Following struct {
	StreamRef
	entries func(key string, row any) []placed
}

// placed is an entry with its place among all entries of its row.
type placed struct {
	place, key string
	value      any
	removed    func() any
	same       func(other any) bool
}

// Follows emits to a stream what follows from each row: of the entries before
// and after a change, those that are new or other, and as removed those that
// are no more. entries is pure, and nil rows have none. No two entries of a
// row have one place.
func Follows[S Row, E Entry[E]](to Stream[E], entries func(key string, row S) []E) Follow[S] {
	comparable := reflect.TypeFor[E]().Comparable()
	return Follow[S]{to.Ref(), func(key string, row any) (out []placed) {
		state, ok := row.(S)
		if !ok {
			return nil
		}
		for _, e := range entries(key, state) {
			if keyFault([]byte(e.Subject())) != "" { // what a field holds may be no key: then nobody finds it
				continue
			}
			out = append(out, placed{RowUnder(e.Subject(), e.Suffix()), e.Subject(), e, func() any { return e.Removed() }, func(other any) bool {
				return comparable && any(e) == other || reflect.DeepEqual(any(e), other)
			}})
		}
		return out
	}}
}

// follow works out what the change of a row says to those who follow it.
func (b *Bound) follow(key string, before, after any) (emit []Emission, parked *Parked, err error) {
	for _, f := range b.Follows {
		was, is := f.entries(key, before), f.entries(key, Kept(after))
		for _, e := range changes(was, is) {
			value, err := b.outputs[f.Topic.Name].Encode(e.value)
			if err != nil {
				parked, err := notCoded(err, OutputNotCoded, "an entry for "+f.Topic.Name+" cannot be written")
				return nil, parked, err
			}
			emit = append(emit, Emission{Topic: f.Topic, Key: e.key, Value: value})
		}
	}
	return emit, nil, nil
}

func changes(was, is []placed) (out []placed) {
	find := func(in []placed, place string) *placed {
		for i := range in {
			if in[i].place == place {
				return &in[i]
			}
		}
		return nil
	}
	for _, e := range was {
		if find(is, e.place) == nil {
			out = append(out, placed{key: e.key, value: e.removed()})
		}
	}
	for _, e := range is {
		if old := find(was, e.place); old == nil || !e.same(old.value) {
			out = append(out, e)
		}
	}
	return out
}
