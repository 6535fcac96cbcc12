// Package versions answers: which version of a view is live, where was it
// handed over, and which version speaks for a record or a deadline.
//
// It is what the log payerflow.versions says, folded in its order. It has no
// clock and does no I/O: whoever has read the same log says the same. See
// docs/adr/0016.
package versions

import (
	"encoding/json"
	"fmt"
	"time"
)

// Kind is what a record of the log says.
type Kind string

// Kinds of records. One that does not fit what came before it says nothing.
const (
	Started  Kind = "started"  // the group folds beside the live one, and is quiet
	Paused   Kind = "paused"   // a quiet version stands still
	Resumed  Kind = "resumed"  // it goes on, or on at another rate
	Prepared Kind = "prepared" // everybody holds the view until the record that ends this
	Void     Kind = "void"     // a prepared switch does not take place
	Switched Kind = "switched" // a prepared switch takes place
	Dropped  Kind = "dropped"  // a version that is not live folds no more
	Folded   Kind = "folded"   // with which fold a group's table was begun, or that another gives the same rows
)

// Record is one record of the log: JSON, and without a key of any row.
type Record struct {
	Kind  Kind      `json:"kind"`
	View  string    `json:"view"`
	Group string    `json:"group,omitempty"` // the version that it is about: of a switch, the one that comes to be live
	From  string    `json:"from,omitempty"`  // of started and prepared: the one that is live
	ID    string    `json:"id,omitempty"`    // of a switch: prepared, void, switched
	Rate  int       `json:"rate,omitempty"`  // of started and resumed: records a second and worker, 0 for no bound
	Back  bool      `json:"back,omitempty"`  // of prepared: it undoes a switch
	Fold  string    `json:"fold,omitempty"`  // of folded, and of started from the beginning: the fold's fingerprint
	Same  bool      `json:"same,omitempty"`  // of folded: somebody says that it gives the same rows
	By    string    `json:"by,omitempty"`
	At    time.Time `json:"at"`

	Inputs Offsets   `json:"inputs,omitempty"` // of switched: up to where the old version speaks
	Ends   Offsets   `json:"ends,omitempty"`   // of switched: where the versions' repartition topics ended
	Clock  time.Time `json:"clock,omitzero"`   // of switched: up to which deadline the old version speaks
}

// Offsets are next offsets by topic and partition.
type Offsets map[string]map[int32]int64

// Raise moves an offset up to at least next.
func (o Offsets) Raise(topic string, partition int32, next int64) {
	if o[topic] == nil {
		o[topic] = map[int32]int64{}
	}
	o[topic][partition] = max(o[topic][partition], next)
}

// Decode reads a record of the log. It never panics.
func Decode(b []byte) (r Record, err error) {
	if err = json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("not a record of versions: %w", err)
	}
	return r, nil
}

// Encode writes a record of the log.
func (r Record) Encode() ([]byte, error) { return json.Marshal(r) }
