package verify

import (
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
