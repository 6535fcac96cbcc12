package store

import (
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"payerflow/events"
)

// Fields of a record's document, as people find them in the database.
const (
	fieldID          = "_id"
	fieldTopic       = "topic"
	fieldIncarnation = "incarnation"
	fieldPartition   = "partition"
	fieldOffset      = "offset"
	fieldTime        = "time"
	fieldEvent       = "event"
	fieldType        = "type"
	fieldSubject     = "subject"
	fieldTags        = "tags"
	fieldTransaction = "transaction"
	fieldSource      = "source"
	fieldSynthetic   = "synthetic"
	fieldBody        = "body"
)

// document is a record in the database.
type document struct {
	ID          string     `bson:"_id"`
	Topic       string     `bson:"topic"`
	Incarnation int        `bson:"incarnation"`
	Partition   int32      `bson:"partition"`
	Offset      int64      `bson:"offset"`
	Time        time.Time  `bson:"time"`
	Key         *[]byte    `bson:"key"`
	Value       *[]byte    `bson:"value"`
	Headers     []headered `bson:"headers,omitempty"`
	Parts       int        `bson:"parts,omitempty"` // documents that hold the rest of a large value
	Checksum    int64      `bson:"checksum"`

	Event       string    `bson:"event,omitempty"`
	Type        string    `bson:"type,omitempty"`
	Subject     string    `bson:"subject,omitempty"`
	Tags        []string  `bson:"tags,omitempty"`
	At          time.Time `bson:"at,omitempty"` // event time
	Transaction string    `bson:"transaction,omitempty"`
	User        string    `bson:"user,omitempty"`
	Source      string    `bson:"source,omitempty"`
	Synthetic   bool      `bson:"synthetic,omitempty"`
	Body        bson.Raw  `bson:"body,omitempty"` // where the server can look into it
	JSON        string    `bson:"json,omitempty"` // the body as it is
}

type headered struct {
	Key   string  `bson:"k"`
	Raw   []byte  `bson:"raw,omitempty"` // the key, where it is no text
	Value *[]byte `bson:"v"`
}

// part is a piece of a value that does not fit into one document.
type part struct {
	ID   string `bson:"_id"`
	Data []byte `bson:"data"`
}

const (
	partBytes = 8 << 20 // of a value in one document, which may have 16 MiB
	bodyBytes = 4 << 20 // the longest body that is kept beside the value
)

// documentOf writes a record down; with body as a document of its own where
// the server can make use of it.
func documentOf(r Record, body bool) document {
	d := document{ID: r.String(), Topic: r.Topic, Incarnation: r.Incarnation, Partition: r.Partition, Offset: r.Offset,
		Time: r.Time, Key: nullable(r.Key), Value: nullable(r.Value), Checksum: int64(r.Checksum())}
	for _, h := range r.Headers {
		kept := headered{Key: strings.ToValidUTF8(h.Key, "?"), Value: nullable(h.Value)}
		if kept.Key != h.Key {
			kept.Raw = []byte(h.Key)
		}
		d.Headers = append(d.Headers, kept)
	}
	e := r.Event
	if e == nil {
		return d
	}
	d.Event, d.Type, d.Subject, d.At = text(e.ID), text(e.Type), text(e.Subject), e.At
	d.Transaction, d.User, d.Source, d.Synthetic = text(e.Transaction), text(e.User), text(e.Source), e.Synthetic
	for _, t := range e.Tags {
		d.Tags = append(d.Tags, text(t))
	}
	if len(e.Body) > bodyBytes {
		return d
	}
	d.JSON = text(string(e.Body))
	if body {
		var raw bson.Raw
		if bson.UnmarshalExtJSON([]byte(e.Body), false, &raw) == nil { // some JSON is no document: it is still found as text
			d.Body = raw
		}
	}
	return d
}

// text is what a string of a document may hold.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// split takes from a document what does not fit into it.
func (d *document) split() (parts []any) {
	if d.Value == nil || len(*d.Value) <= partBytes {
		return nil
	}
	rest := (*d.Value)[partBytes:]
	first := (*d.Value)[:partBytes]
	d.Value = &first
	for len(rest) > 0 {
		n := min(len(rest), partBytes)
		d.Parts++
		parts = append(parts, part{partID(d.ID, d.Parts), rest[:n]})
		rest = rest[n:]
	}
	return parts
}

func partID(id string, n int) string { return fmt.Sprintf("%s#%d", id, n) }

func (d document) record() Record {
	r := Record{ID: ID{Shelf{d.Topic, d.Incarnation, d.Partition}, d.Offset}, Time: d.Time.UTC(), Key: bytesOf(d.Key), Value: bytesOf(d.Value)}
	for _, h := range d.Headers {
		if h.Raw != nil {
			h.Key = string(h.Raw)
		}
		r.Headers = append(r.Headers, Header{h.Key, bytesOf(h.Value)})
	}
	if d.Type != "" || d.Event != "" {
		r.Event = &Event{ID: d.Event, Type: d.Type, Subject: d.Subject, Tags: d.Tags, At: d.At.UTC(), Transaction: d.Transaction,
			User: d.User, Source: d.Source, Synthetic: d.Synthetic, Body: events.Body(d.JSON)}
	}
	return r
}

func nullable(b []byte) *[]byte {
	if b == nil {
		return nil
	}
	return &b
}

func bytesOf(b *[]byte) []byte {
	switch {
	case b == nil:
		return nil
	case *b == nil:
		return []byte{}
	}
	return *b
}
