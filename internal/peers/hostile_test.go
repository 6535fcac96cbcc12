package peers_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"payerflow/internal/topology"
)

// shards are one row, or none, of which this worker is the owner.
type shards struct {
	row   []byte
	reply func(topology.Question) (topology.Reply, error)
}

type textRow string

func (textRow) Because() topology.Because { return topology.Because{} }
func (textRow) LatestEventAt() time.Time  { return time.Time{} }

func (shards) Views() []topology.Served {
	return []topology.Served{{View: topology.View{Name: "view", Key: "key"}, Table: "table", Partitions: 4}}
}

func (s shards) Read(_ context.Context, q topology.Question) (topology.Reply, error) {
	switch {
	case s.reply != nil:
		return s.reply(q)
	case s.row == nil:
		return topology.Reply{}, topology.ErrElsewhere
	}
	r := topology.Reply{Copy: topology.Copy{Incarnation: "1", Changelog: 1}}
	for _, key := range q.Keys {
		r.Rows = append(r.Rows, topology.Stored{Key: key, Value: s.row})
	}
	return r, nil
}

func (shards) Decode(_, _ string, stored []byte) (topology.Row, error) { return textRow(stored), nil }
func (shards) Ready() error                                            { return nil }
func (shards) Status() topology.Status                                 { return topology.Status{} }

type directory struct {
	self    string
	holders []topology.Holder
	next    func() []topology.Holder // nil: holders, for good
}

func (d directory) Self() string { return d.self }
func (d directory) Holders(string, int32) []topology.Holder {
	if d.next != nil {
		return d.next()
	}
	return slices.Clone(d.holders)
}
func (directory) Incarnation(string) string { return "1" }
func (directory) Reach(_ context.Context, _ string, p []topology.Position) ([]topology.Position, error) {
	return p, nil
}

// rogue listens, and does with a connection what it likes.
func rogue(t *testing.T, serve func(net.Conn)) topology.Holder {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return topology.Holder{Instance: "rogue", Address: ln.Addr().String(), Owner: true, Generation: 2}
}

// answers is an HTTP/2 server that answers everything with something.
func answers(t *testing.T, h http.HandlerFunc) topology.Holder {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	s := &http.Server{Handler: h, Protocols: &p}
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(func() { _ = s.Close() })
	return topology.Holder{Instance: "rogue", Address: ln.Addr().String(), Owner: true, Generation: 2}
}

// TestAWorkerThatGoesWrong asks one that hangs, or answers what is no answer,
// and then one that has a copy: within the time of the request, and without a
// word of what the first one said.
func TestAWorkerThatGoesWrong(t *testing.T) {
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	proto := func(write func(w http.ResponseWriter)) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/proto")
			write(w)
		}
	}
	for name, bad := range map[string]topology.Holder{
		"nobody listens": {Instance: "rogue", Address: "127.0.0.1:1", Owner: true},
		"hangs":          rogue(t, func(net.Conn) { <-over }),
		"hangs up":       rogue(t, func(net.Conn) {}),
		"is half open":   rogue(t, func(c net.Conn) { _, _ = bufio.NewReader(c).ReadByte(); <-over }),
		"speaks another protocol": rogue(t, func(c net.Conn) {
			_, _ = io.WriteString(c, "SSH-2.0-canary\r\n")
			<-over
		}),
		"answers garbage":  answers(t, proto(func(w http.ResponseWriter) { _, _ = io.WriteString(w, "canary \xff\xff\xff") })),
		"answers nothing":  answers(t, proto(func(http.ResponseWriter) {})),
		"refuses in words": answers(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "canary", http.StatusTeapot) }),
		"never ends": answers(t, proto(func(w http.ResponseWriter) {
			chunk := []byte(strings.Repeat("canary", 1<<14))
			for range 4000 { // 393 MB
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		})),
		"is another worker": func() topology.Holder {
			h := serving(t, noSecurity)
			h.Instance = "rogue"
			return h
		}(),
		"answers another question": withReply(t, topology.Reply{Rows: []topology.Stored{{Key: "canary", Value: []byte("canary")}}, Copy: topology.Copy{Incarnation: "1"}}),
		"has another table":        withReply(t, topology.Reply{Rows: []topology.Stored{{Key: "k", Value: []byte("canary")}}, Copy: topology.Copy{Incarnation: "2"}}),
	} {
		t.Run(name, func(t *testing.T) {
			good := serving(t, noSecurity)
			good.Owner = false
			v := asking(t, noSecurity, 6*time.Second, bad, good)
			bound := time.Minute
			ctx := topology.Allow(context.Background(), topology.Allowance{Staleness: &bound})
			a, err := v.Get(ctx, "view", "k", false)
			if err != nil || string(a.Stored) != "row" {
				t.Errorf("%q %v", a.Stored, err)
			}
			strict := asking(t, noSecurity, 200*time.Millisecond, bad)
			_, err = strict.Get(context.Background(), "view", "k", false)
			if away := (*topology.AwayError)(nil); !errors.As(err, &away) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%v", err)
			}
		})
	}
}

// withReply is a worker that has one reply to everything.
func withReply(t *testing.T, r topology.Reply) topology.Holder {
	t.Helper()
	h := servingFrom(t, shards{reply: func(topology.Question) (topology.Reply, error) { return r, nil }}, directory{self: "rogue"})
	h.Owner, h.Generation = true, 2
	return h
}

// TestAListComesToAnEnd asks a worker whose pages lead nowhere.
func TestAListComesToAnEnd(t *testing.T) {
	bad := withReply(t, topology.Reply{Next: &topology.Place{}, Copy: topology.Copy{Incarnation: "1"}})
	v := asking(t, noSecurity, 200*time.Millisecond, bad)
	if _, err := v.List(context.Background(), "view", topology.Place{}, 10, false); err == nil {
		t.Error("a page that leads to itself was taken")
	}
}

// TestAWrongGuessIsPassedOn asks a worker that knows who has the partition now:
// it is asked next, and nobody after it.
func TestAWrongGuessIsPassedOn(t *testing.T) {
	owner := serving(t, noSecurity)
	owner.Generation = 9
	guess := servingFrom(t, shards{}, directory{self: "former", holders: []topology.Holder{owner, {Instance: "older", Address: "127.0.0.1:1", Owner: true, Generation: 8}}})
	v := asking(t, noSecurity, 10*time.Second, guess)
	if a, err := v.Get(context.Background(), "view", "k", false); err != nil || string(a.Stored) != "row" {
		t.Errorf("%q %v", a.Stored, err)
	}
	lost := servingFrom(t, shards{}, directory{self: "former", holders: []topology.Holder{guess}})
	round := asking(t, noSecurity, 200*time.Millisecond, lost)
	if _, err := round.Get(context.Background(), "view", "k", false); !errors.Is(err, topology.ErrElsewhere) {
		t.Errorf("%v", err)
	}
}
