package topology_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"payerflow/internal/topology"
)

// happened is an event of one field more than it needs.
type happened struct {
	Key  string
	At   time.Time
	Note string
}

func (e happened) EventType() string     { return "HAPPENED" }
func (e happened) Subject() string       { return e.Key }
func (e happened) OccurredAt() time.Time { return e.At }
func (e happened) Validate() error {
	if e.Note == "invalid" {
		return &fault{"NOTE_INVALID", "/note"}
	}
	return nil
}

// followed is an event that folds emit.
type followed struct{ happened }

type fault struct{ code, pointer string }

func (f *fault) Error() string   { return "the rules refuse it" }
func (f *fault) Code() string    { return f.code }
func (f *fault) Pointer() string { return f.pointer }

// tally is a row that counts notes.
type tally struct {
	IDs   []string
	Notes []string
	At    time.Time
}

func (r tally) Because() topology.Because {
	return topology.BecauseOf(append([]string(nil), r.IDs...), 10)
}
func (r tally) LatestEventAt() time.Time { return r.At }

// jsonCodec writes JSON; spaces around it make other bytes of the same value.
type jsonCodec[T any] struct{}

func (jsonCodec[T]) Bind(topology.Schemas, string) (topology.Serde[T], error) {
	return jsonCodec[T]{}, nil
}
func (jsonCodec[T]) Schema() string             { return "" }
func (jsonCodec[T]) Digest(v T) ([]byte, error) { return json.Marshal(v) }

func (jsonCodec[T]) Encode(v T) ([]byte, error) {
	b, err := json.Marshal(v)
	switch {
	case strings.Contains(string(b), "unwritable"):
		return nil, &fault{"TOO_LARGE", ""}
	case strings.Contains(string(b), "away-on-write"):
		return nil, fmt.Errorf("registry: %w", topology.ErrUnavailable)
	}
	return b, err
}

func (jsonCodec[T]) Decode(b []byte) (v T, err error) {
	if string(b) == "away" {
		return v, fmt.Errorf("registry: %w", topology.ErrUnavailable)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return v, errors.New("not JSON")
	}
	return v, nil
}

func topicOf(name string, partitions int) topology.Topic {
	return topology.Topic{Name: name, Partitions: partitions, KeyField: "key", Retention: time.Hour, MaxMessageBytes: 1000, Compression: "lz4",
		Cleanup: topology.Delete, Consumers: []string{"a reader"}, Owner: "an owner"}
}

func streamOf[E topology.Event](name string, partitions int) topology.Stream[E] {
	return topology.Stream[E]{Topic: topicOf(name, partitions), Codec: jsonCodec[E]{}}
}

// tallyHappened counts a note. Some notes ask for more.
func tallyHappened(row tally, rec topology.Record[happened]) (tally, []topology.Output) {
	for _, id := range row.IDs {
		if id == rec.ID() {
			return row, nil
		}
	}
	next := tally{append(row.IDs[:len(row.IDs):len(row.IDs)], rec.ID()), append(row.Notes[:len(row.Notes):len(row.Notes)], rec.Body.Note), rec.At}
	switch rec.Body.Note {
	case "panic":
		panic("with a value: " + rec.Key)
	case "reject":
		return next, []topology.Output{{Value: topology.Reject{ReasonCode: "REFUSED", At: "/note", Reason: "no"}}}
	case "emit":
		return next, []topology.Output{{Key: rec.Key, Value: followed{happened{rec.Key, rec.At, "followed"}}}}
	case "emit unwritable", "emit away-on-write":
		return next, []topology.Output{{Key: rec.Key, Value: followed{happened{rec.Key, rec.At, rec.Body.Note[len("emit "):]}}}}
	case "emit undeclared":
		return next, []topology.Output{{Key: rec.Key, Value: 1}}
	}
	return next, nil
}

func tallyFollowed(row tally, rec topology.Record[followed]) (tally, []topology.Output) {
	row.IDs, row.Notes, row.At = append(row.IDs, rec.ID()), append(row.Notes, rec.Body.Note), rec.At
	return row, nil
}

// groupOf is a group that folds one stream and emits another.
func groupOf(name string) topology.Group[tally] {
	return topology.Group[tally]{
		Name: name, Rows: jsonCodec[tally]{}, Inputs: topology.Inputs[tally]{topology.Fold(streamOf[happened](name+".in", 6), tallyHappened)},
		Outputs: []topology.StreamRef{streamOf[followed](name+".out", 6).Ref()}, View: topology.View{Name: name},
	}
}
