package stored

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"payerflow/api/audit"
	"payerflow/api/problem"
	"payerflow/connectors/store"
)

type findInput struct {
	ID          string    `query:"id" maxLength:"255" doc:"Event id"`
	Key         string    `query:"key" maxLength:"1024" doc:"Key of the entity"`
	Type        string    `query:"type" maxLength:"255" doc:"Event type"`
	Tag         []string  `query:"tag" maxItems:"20" doc:"Tags, separated by commas: all of them"`
	Transaction string    `query:"transaction" maxLength:"255" doc:"Transaction id"`
	User        string    `query:"user" maxLength:"255" doc:"User id"`
	Source      string    `query:"source" maxLength:"255" doc:"Source system"`
	Topic       string    `query:"topic" maxLength:"249" doc:"Topic that the record was in"`
	From        time.Time `query:"from" doc:"Earliest time stamp of the record"`
	To          time.Time `query:"to" doc:"Time stamp before which it is"`
	Synthetic   bool      `query:"synthetic" doc:"Made-up events, in place of real ones"`
	Field       []string  `query:"field" maxItems:"5" doc:"Values of the body, /pointer=value, separated by commas: all of them" example:"/claimType=PROFESSIONAL"`
	Limit       int       `query:"limit" default:"50" minimum:"1" maximum:"500" doc:"Most events of a page"`
	Cursor      string    `query:"cursor" maxLength:"2000" doc:"next of the page before"`
}

// HeldPage is a page of events.
type HeldPage struct {
	Events []Held `json:"events"`
	Next   string `json:"next,omitempty" doc:"Cursor of the next page. A page may have fewer events than asked for, and yet a next one"`
}

func (in *findInput) condition() (condition, error) {
	c := condition{id: in.ID, key: in.Key, transaction: in.Transaction, user: in.User, source: in.Source, tags: in.Tag}
	for i, f := range in.Field {
		pointer, value, ok := strings.Cut(f, "=")
		if !ok || !strings.HasPrefix(pointer, "/") || value == "" {
			return c, invalid(fmt.Sprintf("query.field[%d]", i), "/pointer=value")
		}
		c.fields = append(c.fields, field{pointer, value})
	}
	return c, nil
}

// about names the question, for its cursor.
func (in *findInput) about(r reader) string {
	asked := *in
	asked.Cursor, asked.Limit = "", 0
	text, err := json.Marshal(asked)
	if err != nil {
		return "" // it is texts, times and numbers
	}
	return "stored\x00" + r.Team + "\x00" + r.Application + "\x00" + string(text)
}

func (d *Door) find(ctx context.Context, in *findInput) (*struct{ Body HeldPage }, error) {
	c, err := in.condition()
	if err != nil {
		return nil, err
	}
	r, done, err := d.who(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := r.allows(in.Type, c); err != nil {
		return nil, err
	}
	about := in.about(r)
	after, err := d.placeOf(about, in.Cursor)
	if err != nil {
		return nil, err
	}
	q := store.Query{Event: c.id, Subject: c.key, Transaction: c.transaction, Type: in.Type, Source: c.source, Tags: c.tags, Topic: in.Topic, Synthetic: &in.Synthetic,
		From: in.From, To: in.To, Where: func(rec store.Record) bool {
			seen, ok := r.sees(envelopeOf(rec.Event))
			return ok && c.holds(seen)
		}}
	found, err := d.Store.Find(ctx, q, after, in.Limit)
	if err != nil {
		return nil, d.problemOf(ctx, err)
	}
	out := HeldPage{Events: []Held{}}
	var keys []string
	for _, rec := range found.Records {
		if e, ok := r.show(rec); ok {
			out.Events = append(out.Events, e)
			keys = append(keys, rec.Event.Subject)
		}
	}
	audit.Shows(ctx, len(out.Events), keys...)
	if found.Next != nil {
		place, err := json.Marshal(found.Next)
		if err != nil {
			return nil, err
		}
		out.Next = d.Guard.Seal(about, place)
	}
	return &struct{ Body HeldPage }{out}, nil
}

// allows refuses a question about a type that the reader may not take, or about
// what is withheld of it.
func (r reader) allows(eventType string, c condition) error {
	if eventType == "" {
		return nil
	}
	if r.mask(eventType) == nil {
		return problem.New(http.StatusForbidden, "FORBIDDEN", "the token may not subscribe to this type")
	}
	if seen, ok := r.sees(c.probe(eventType)); !ok || !c.holds(seen) {
		return problem.New(http.StatusForbidden, "NOT_VISIBLE", "the question asks about something that the team may not see in events of this type")
	}
	return nil
}

func (d *Door) placeOf(about, cursor string) (*store.Place, error) {
	if cursor == "" {
		return nil, nil
	}
	b, ok := d.Guard.Open(about, cursor)
	var p store.Place
	if !ok || json.Unmarshal(b, &p) != nil {
		q := problem.New(http.StatusUnprocessableEntity, "INVALID_CURSOR", "not a cursor of this question; start again without one")
		q.Errors = []problem.Detail{{Pointer: "query.cursor", Message: q.Detail}}
		return nil, q
	}
	return &p, nil
}

func invalid(at, form string) error {
	p := problem.New(http.StatusUnprocessableEntity, "INVALID_REQUEST", "a parameter is not as it must be; see errors")
	p.Errors = []problem.Detail{{Code: "INVALID_VALUE", Pointer: at, Message: "must be " + form}}
	return p
}
