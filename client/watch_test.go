package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"payerflow/client"
)

// TestAWatchGoesOn breaks a watch in each way in turn: it falls silent, is cut
// in the middle of an event, is refused for now, ends for now, and ends for good.
func TestAWatchGoesOn(t *testing.T) {
	var turn atomic.Int32
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Last-Event-ID"))
		state := func(n int) {
			fmt.Fprintf(w, "id: at%d\nevent: row\ndata: {\"key\":\"k\",\"value\":%d}\n\n", n, n)
			_ = http.NewResponseController(w).Flush()
		}
		n := int(turn.Add(1))
		if n != 3 {
			w.Header().Set("Content-Type", "text/event-stream")
			state(n)
		}
		switch n {
		case 1:
			<-r.Context().Done()
		case 2:
			fmt.Fprint(w, "id: lost\nevent: row\ndata: {\"key\"")
		case 3:
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"code":"TOO_MANY_WATCHES"}`)
		case 4:
			fmt.Fprint(w, ": beat\nid: beat4\n\nevent: end\ndata: {\"code\":\"RECONNECT\",\"status\":503}\n\n")
		default:
			fmt.Fprint(w, "event: end\ndata: {\"code\":\"INVALID_TOKEN\",\"status\":401}\n\n")
		}
	}))
	defer s.Close()
	c := client.New(s.URL, client.Options{Token: "t", Silence: 200 * time.Millisecond})
	var got []int
	var end error
	for ch, err := range client.Watch[int](t.Context(), c, "v", "k", "at0", client.Ask{}) {
		if end = err; err == nil && ch.Kind == client.Put {
			got = append(got, ch.Row.Value)
		}
	}
	var p *client.Problem
	if !slices.Equal(got, []int{1, 2, 4, 5}) || !errors.As(end, &p) || p.Code != "INVALID_TOKEN" {
		t.Errorf("%v, %v", got, end)
	}
	if want := []string{"at0", "at1", "at2", "at2", "beat4"}; !slices.Equal(asked, want) {
		t.Errorf("resumed at %q", asked)
	}
}

func TestErrorsHoldNoKey(t *testing.T) {
	c := client.New("http://127.0.0.1:1", client.Options{})
	if _, err := client.Get[any](t.Context(), c, "v", "canary", client.Ask{}); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v", err)
	}
}
