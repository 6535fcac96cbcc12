package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"payerflow/api/booking"
)

// carePlan is what all commands of providers and patients are told.
type carePlan struct {
	*app
	base      string
	synthetic bool
}

func (a *app) carePlan(cmd *cobra.Command) *carePlan {
	p := &carePlan{app: a}
	f := cmd.PersistentFlags()
	f.StringVar(&p.base, "url", "", "server to ask (default: http.addr of the configuration)")
	f.BoolVar(&p.synthetic, "synthetic", false, "fictitious: rows of their own, which real ones never see")
	return p
}

// put adds to a body what was said.
func put(body map[string]any, said map[string]string) {
	for name, value := range said {
		if value != "" {
			body[name] = value
		}
	}
}

// send asks for a change.
func (p *carePlan) send(ctx context.Context, method, path string, q url.Values, body any) (done booking.Accepted, err error) {
	if q == nil {
		q = url.Values{}
	}
	q.Set("synthetic", strconv.FormatBool(p.synthetic))
	_, err = p.call(ctx, question{role: rolePublisher, base: p.base, method: method, path: path, query: q, body: body}, &done)
	return done, err
}

// seenWithin is how long a command waits until what it did is seen.
const seenWithin = "5s"

// accepted shows what was accepted, once it is seen at a path: the command that
// comes next finds it. Who may not look there, or waits in vain, is told of the
// event all the same: it is committed.
func (p *carePlan) accepted(ctx context.Context, done booking.Accepted, at string) error {
	_ = p.read(ctx, at, url.Values{"min_position": {done.Event.Token}, "wait": {seenWithin}}, new(json.RawMessage))
	return p.show(done, []string{"id", "event", "see"}, [][]string{{done.ID, done.Event.ID, done.Location}})
}

func (p *carePlan) read(ctx context.Context, path string, q url.Values, into any) error {
	if q == nil {
		q = url.Values{}
	}
	q.Set("synthetic", strconv.FormatBool(p.synthetic))
	return p.ask(ctx, p.base, path, q, into)
}

// rowOf is a row of a view, with all of it for documents.
type rowOf[V any] struct {
	Value V
	raw   json.RawMessage
}

func (r *rowOf[V]) UnmarshalJSON(b []byte) error {
	var plain struct{ Value V }
	err := json.Unmarshal(b, &plain)
	r.Value, r.raw = plain.Value, append(json.RawMessage(nil), b...)
	return err
}

// MarshalJSON writes the row as it came.
func (r rowOf[V]) MarshalJSON() ([]byte, error) { return r.raw, nil }

// rowsOf is a page of rows.
type rowsOf[V any] struct {
	Rows []rowOf[V]
	Next string
	raw  json.RawMessage
}

func (r *rowsOf[V]) UnmarshalJSON(b []byte) error {
	var plain struct {
		Rows []rowOf[V]
		Next string
	}
	err := json.Unmarshal(b, &plain)
	r.Rows, r.Next, r.raw = plain.Rows, plain.Next, append(json.RawMessage(nil), b...)
	return err
}

func (r rowsOf[V]) values() (out []V) {
	for _, row := range r.Rows {
		out = append(out, row.Value)
	}
	return out
}

func (p *carePlan) more(next string) error {
	if next == "" || p.format != formatTable {
		return nil
	}
	_, err := fmt.Fprintf(p.errOut, "more: --cursor %s\n", next)
	return err
}

// startsAt is a time as the clock at its place shows it; what is withheld or
// has an unknown zone is shown as it came.
func startsAt(at, zone string) string {
	t, err := time.Parse(time.RFC3339, at)
	loc, errZone := time.LoadLocation(cmp.Or(zone, "UTC"))
	if err != nil || errZone != nil {
		return at
	}
	return t.In(loc).Format("2006-01-02 15:04 MST")
}
