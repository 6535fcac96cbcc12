package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/tmaxmax/go-sse"
)

// Kind says what a Change tells.
type Kind string

// Kinds of changes.
const (
	Put    Kind = "row"    // a row, or its next state
	Gone   Kind = "gone"   // there is no row, or no more
	Reset  Kind = "reset"  // states before may be missing: forget the rows; what there is follows
	Synced Kind = "synced" // under a key: all rows that there are have come
	Beat   Kind = "beat"   // nothing but a later place to resume at
)

// Change is one event of a watch.
type Change[T any] struct {
	Kind Kind
	Row  Row[T] // of Put
	ID   string // under a key: stands for the row, the same in all its changes
	// Resume is where a watch of the same goes on behind this; "" where the
	// change before it says so.
	Resume string
}

// Watch follows the row of a key, or the rows under it: what there is first,
// then each committed state in order. Breaks are resumed, with a pause, so that
// no state is lost or told twice; Reset says where that could not be. resume is
// a Change's, "" to begin. It ends with ctx, or with a Problem that does not
// pass: no token, no permission, no such view.
func Watch[T any](ctx context.Context, c *Client, view, key, resume string, ask Ask) iter.Seq2[Change[T], error] {
	return func(yield func(Change[T], error) bool) {
		w := &watch[T]{c: c, path: rowPath(view, key), q: ask.query(), at: resume, yield: yield}
		for ctx.Err() == nil {
			err := w.once(ctx)
			var p *Problem
			switch {
			case w.done:
				return
			case errors.As(err, &p) && !p.Passes():
				yield(Change[T]{}, err)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}
}

// pause is how long a watch waits before it is resumed.
const pause = time.Second

// maxEvent holds the largest row.
const maxEvent = 16 << 20

type watch[T any] struct {
	c     *Client
	path  string
	q     url.Values
	at    string // where to resume
	done  bool
	yield func(Change[T], error) bool
}

func (w *watch[T]) once(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := w.c.request(ctx, http.MethodGet, w.path, w.q, nil)
	if err != nil {
		return &Problem{Status: http.StatusBadRequest, Code: "INVALID_REQUEST", Detail: "the address is none"}
	}
	req.Header.Set("Accept", "text/event-stream")
	if w.at != "" {
		req.Header.Set("Last-Event-ID", w.at)
	}
	alive := time.AfterFunc(w.c.silence, cancel)
	defer alive.Stop()
	resp, err := w.c.http.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return problemOf(resp)
	}
	for e, err := range sse.Read(signs{resp.Body, alive, w.c.silence}, &sse.ReadConfig{MaxEventSize: maxEvent}) {
		if err != nil {
			return err
		}
		if err := w.take(e); err != nil || w.done {
			return err
		}
	}
	return io.ErrUnexpectedEOF
}

// take hands an event over. An id stays that of the event before where there is
// none of its own.
func (w *watch[T]) take(e sse.Event) error {
	ch := Change[T]{Kind: Kind(e.Type)}
	if e.LastEventID != w.at {
		ch.Resume = e.LastEventID
	}
	switch {
	case e.Type == "end":
		p := &Problem{}
		if err := json.Unmarshal([]byte(e.Data), p); err != nil {
			return err
		}
		return p
	case e.Data == "":
		ch.Kind = Beat
	case ch.Kind == Put || ch.Kind == Gone:
		var of struct {
			ID string `json:"row"`
		}
		if err := json.Unmarshal([]byte(e.Data), &of); err != nil {
			return err
		}
		ch.ID = of.ID
		if ch.Kind == Put {
			if err := json.Unmarshal([]byte(e.Data), &ch.Row); err != nil {
				return &Problem{Status: http.StatusUnprocessableEntity, Code: "UNREADABLE", Detail: "a row does not fit the type that it is read as"}
			}
		}
	}
	w.done = !w.yield(ch, nil)
	if e.LastEventID != "" {
		w.at = e.LastEventID
	}
	return nil
}

// signs puts the end of patience off with each sign of life.
type signs struct {
	io.Reader
	alive *time.Timer
	after time.Duration
}

func (s signs) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if n > 0 {
		s.alive.Reset(s.after)
	}
	return n, err
}
