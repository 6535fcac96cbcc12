package verify

import (
	"cmp"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
)

// faulty says whether an error is about the record: anything else is about a
// place that could not be asked, and nothing follows from it.
func faulty(err error) bool {
	var f *events.Fault
	return errors.As(err, &f)
}

// event is what every fact of the project's streams can tell.
type event interface {
	Subject() string
	Validate() error
}

// source reads the records of one topic that a model folds.
type source struct {
	Follower
	// fact hands a record over; refused says that its group must have parked it.
	fact func(r *kgo.Record) (refused bool, err error)
}

const eventBytes, ediBytes = 1 << 20, 10 << 20

// gathered are the sources of a model; err is the first that could not be had.
type gathered struct {
	sources []source
	err     error
}

func (g *gathered) add(s source, err error) {
	g.sources, g.err = append(g.sources, s), cmp.Or(g.err, err)
}

// factsOf reads events that are keyed as their rows are.
func factsOf[E event, F any](l *Log, f Follower, limit int, to taking[F], add func(of *F, id string, e E)) (source, error) {
	return sourceOf(l, f, limit, func(r *kgo.Record, id func() (string, error), e E) error {
		key := storedKey(r, string(r.Key))
		if !to.wants(key) {
			return nil
		}
		name, err := id()
		if err == nil {
			add(to.into().of(key), name, e)
		}
		return err
	})
}

// answered is what a join tells a row: the value at a key of another group.
type answered[V any] struct {
	Left  string `avro:"left"`
	Key   string `avro:"key"`
	Value *V     `avro:"value"`
}

func (a answered[V]) Subject() string { return a.Left }
func (a answered[V]) Validate() error { return nil }

// answersOf reads what a join tells rows.
func answersOf[V, F any](l *Log, f Follower, to taking[F], add func(of *F, key string, value *V)) (source, error) {
	return sourceOf(l, f, eventBytes, func(r *kgo.Record, _ func() (string, error), a answered[V]) error {
		if key := storedKey(r, a.Left); to.wants(key) {
			add(to.into().of(key), a.Key, a.Value)
		}
		return nil
	})
}

// sourceOf reads events of one type. take gets those that are as their topic
// promises, with their identity.
func sourceOf[E event](l *Log, f Follower, limit int, take func(r *kgo.Record, id func() (string, error), e E) error) (source, error) {
	decode, digest, err := decoder(codecs.NewAvro[E](f.Topic, limit), l.Schemas, f.Topic)
	return source{f, func(r *kgo.Record) (bool, error) {
		if r.Value == nil || !usableKey(r.Key) {
			return true, nil
		}
		e, err := decode(r.Value)
		if err != nil {
			if faulty(err) {
				return true, nil //nolint:nilerr // what cannot be taken is a dead letter, and no fact
			}
			return false, err
		}
		if e.Validate() != nil || e.Subject() != string(r.Key) {
			return true, nil
		}
		return false, take(r, func() (string, error) { return identityOf(r, f.Topic, func() ([]byte, error) { return digest(e) }) }, e)
	}}, err
}
