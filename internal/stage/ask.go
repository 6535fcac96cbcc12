package stage

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Answer is a response, read to its end.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON is the body as an object.
func (a Answer) JSON(t testing.TB) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.Body, &v); err != nil {
		t.Fatalf("%d %.300s", a.Status, a.Body)
	}
	return v
}

// Serve serves a handler until the test ends; Ask asks it from now on.
func (s *Stage) Serve(h http.Handler) {
	server := httptest.NewServer(h)
	s.Cleanup(server.Close)
	s.URL = server.URL
}

// Ask asks what is served, as Send does.
func (s *Stage) Ask(token, method, path string, body any, header ...string) Answer {
	s.Helper()
	a, err := Send(s.Context(), token, method, s.URL+path, body, header...)
	Must(s, err)
	return a
}

// Want demands a status, and a text in the answer.
func (s *Stage) Want(status int, holds string, a Answer) Answer {
	s.Helper()
	if a.Status != status || !strings.Contains(string(a.Body), holds) {
		s.Fatalf("%d, want %d with %q: %.500s", a.Status, status, holds, a.Body)
	}
	return a
}

// Demand asks, demands a status, and returns the answer's text.
func (s *Stage) Demand(status int, token, method, path string, body any) string {
	s.Helper()
	a := s.Ask(token, method, path, body)
	if a.Status != status {
		s.Fatalf("%s %s: %d, want %d: %.400s", method, path, a.Status, status, a.Body)
	}
	return string(a.Body)
}

// Send sends a request with a token, or none for "". A body that is no string
// is sent as its JSON, and nil not at all; header holds names and values in turn.
func Send(ctx context.Context, token, method, url string, body any, header ...string) (Answer, error) {
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return Answer{}, err
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, in)
	if err != nil {
		return Answer{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return Answer{resp.StatusCode, resp.Header, text}, err
}
