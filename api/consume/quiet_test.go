package consume_test

import (
	"bufio"
	"net/http"
	"testing"
	"time"

	"payerflow/internal/stage"
)

// TestAQuietStreamStaysOpen has less time for a write than lies between two
// signs of life, over either version of HTTP.
func TestAQuietStreamStaysOpen(t *testing.T) {
	s := newDesk(t)
	s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	limits := quick()
	limits.Heartbeat, limits.Write = 600*time.Millisecond, 300*time.Millisecond
	w := s.worker(limits)
	const beats = 4
	for version, set := range map[string]func(*http.Protocols){"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) }, "HTTP/2.0": func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }} {
		t.Run("events over "+version, func(t *testing.T) {
			transport := &http.Transport{Protocols: new(http.Protocols)}
			set(transport.Protocols)
			defer transport.CloseIdleConnections()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.http.URL+"/v1/subscriptions/"+team+"/visits/stream", nil)
			stage.Must(t, err)
			req.Header.Set("Authorization", "Bearer "+token)
			resp, err := (&http.Client{Transport: transport}).Do(req)
			stage.Must(t, err)
			defer resp.Body.Close()
			if resp.Proto != version || resp.StatusCode != http.StatusOK {
				t.Fatal(resp.Proto, resp.StatusCode)
			}
			seen := 0
			for lines := bufio.NewScanner(resp.Body); seen < beats; {
				if !lines.Scan() {
					t.Fatalf("it ended after %d signs of life: %v", seen, lines.Err())
				}
				if lines.Text() == ": beat" {
					seen++
				}
			}
		})
	}
	t.Run("gRPC", func(t *testing.T) {
		stream := w.consume(token, "visits", "")
		for seen := 0; seen < beats; {
			if !stream.Receive() {
				t.Fatalf("it ended after %d signs of life: %v", seen, stream.Err())
			}
			if stream.Msg().GetHeartbeat() != nil {
				seen++
			}
		}
	})
}
