package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"payerflow/api"
)

// writes is how many are published and read back; make read-your-write asks
// for 10,000.
var writes = flag.Int("writes", 100, "events that TestReadYourWrite publishes and reads back")

// replica starts a process that folds nothing.
func (tg target) replica(t *testing.T, dataDir string, more ...string) (*process, string) {
	t.Helper()
	p := spawn(t, slices.Concat([]string{"views", "--data-dir", dataDir, "--http-addr", "127.0.0.1:0"}, tg.flags(), more)...)
	addr := p.await(`replica starts.* http=(\S+)`)
	tokens.Store(addr, tg.token)
	return p, "http://" + addr
}

// TestReadYourWrite publishes through REST at one node, and reads back through
// another with the token of the publish: two workers and a replica, which is
// killed on the way. Each lane waits for its row before it writes the next.
func TestReadYourWrite(t *testing.T) {
	tg := servers(t)
	dir := t.TempDir()
	_, one := tg.worker(t, t.TempDir())
	_, two := tg.worker(t, t.TempDir())
	copied, three := tg.replica(t, dir)
	for _, base := range []string{one, two, three} {
		within(t, time.Minute, "a node that is ready", func() bool { return get(t, base+"/readyz", nil) == 200 })
	}
	var replica atomic.Value
	replica.Store(three)
	const lanes = 16
	var half sync.WaitGroup
	half.Add(lanes)
	finished := make(chan bool)
	go func() {
		finished <- t.Run("lanes", func(t *testing.T) {
			for lane := range lanes {
				t.Run(strconv.Itoa(lane), func(t *testing.T) {
					t.Parallel()
					reached := sync.OnceFunc(half.Done)
					defer reached()
					for n := lane; n < *writes; n += lanes {
						if n >= *writes/2 {
							reached()
						}
						writeAndRead(t, tg, n, []string{one, two}[n%2], func() string {
							return []string{two, replica.Load().(string), one}[n%3]
						})
					}
				})
			}
		})
	}()
	half.Wait()
	copied.kill()
	_, again := tg.replica(t, dir)
	within(t, time.Minute, "the replica again", func() bool { return get(t, again+"/readyz", nil) == 200 })
	replica.Store(again)
	if !<-finished {
		t.FailNow()
	}
	batchOf(t, tg, replica.Load().(string))
}

// writeAndRead asks again, with the same token, where the time was too short
// or nobody listens any more, as clients are told to.
func writeAndRead(t *testing.T, tg target, n int, writer string, reader func() string) {
	t.Helper()
	claim := fmt.Sprintf("RYW-%d", n)
	q := url.Values{"min_position": {publishClaim(t, tg, writer, claim)}, "wait": {"30s"}}
	if n%2 == 0 {
		q.Set("max_staleness", "1m")
	}
	var a api.Answer
	within(t, 2*time.Minute, "what was written", func() bool {
		code := get(t, reader()+"/v1/views/claim-status/"+claim+"?"+q.Encode(), &a)
		if code == http.StatusNotFound {
			t.Fatalf("write %d is not in a row that holds it", n)
		}
		return code == http.StatusOK
	})
	if a.Because.Count != 1 || a.Position == "" {
		t.Fatalf("write %d: %d events, position %q", n, a.Because.Count, a.Position)
	}
}

// batchOf asks a replica for rows of both workers at once, and for one twice.
func batchOf(t *testing.T, tg target, base string) {
	t.Helper()
	body, _ := json.Marshal(map[string]any{"keys": []string{"RYW-0", "RYW-1", "nobody", "RYW-2"}})
	var got api.Batch
	if resp := send(t, tg, http.MethodPost, base+"/v1/views/claim-status/batch", body, nil); resp.StatusCode != 200 || json.NewDecoder(resp.Body).Decode(&got) != nil {
		t.Fatalf("batch: %d", resp.StatusCode)
	}
	for i, want := range []int{200, 200, 404, 200} {
		if i >= len(got.Rows) || got.Rows[i].Status != want {
			t.Errorf("row %d: %+v", i, got.Rows)
			break
		}
	}
	first := send(t, tg, http.MethodGet, base+"/v1/views/claim-status/RYW-0", nil, nil)
	again := send(t, tg, http.MethodGet, base+"/v1/views/claim-status/RYW-0", nil, http.Header{"If-None-Match": {first.Header.Get("ETag")}})
	if first.StatusCode != 200 || again.StatusCode != http.StatusNotModified {
		t.Errorf("%d, then %d", first.StatusCode, again.StatusCode)
	}
}

func send(t *testing.T, tg target, method, url string, body []byte, h http.Header) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if h != nil {
		req.Header = h
	}
	req.Header.Set("Authorization", "Bearer "+tg.token)
	if req.Header.Set("Content-Type", "application/json"); bytes.Contains(body, []byte("specversion")) {
		req.Header.Set("Content-Type", "application/cloudevents+json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	// Read whole, so that the connection serves the next request.
	whole, err := io.ReadAll(resp.Body)
	if _ = resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(whole))
	return resp
}

func publishClaim(t *testing.T, tg target, base, claim string) (token string) {
	t.Helper()
	event := fmt.Sprintf(`{"specversion":"1.0","id":"%s","source":"/test","type":"CLAIM_SUBMITTED","synthetic":false,"subject":"%s","data":{
		"eventType":"CLAIM_SUBMITTED","schemaVersion":"1.0","claimId":"%s","memberId":"M-1","providerId":"P-1","planId":"PLAN","claimType":"PROFESSIONAL",
		"totalBilledAmount":"10.00","serviceDate":"2026-01-15","submittedAt":"2026-01-16T10:00:00Z","requiresPriorAuth":false}}`, claim, claim, claim)
	resp := send(t, tg, http.MethodPost, base+"/v1/events", []byte(event), http.Header{})
	var placed struct {
		Token  string       `json:"token"`
		Errors []api.Detail `json:"errors"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&placed); err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("publish: %d %v %v", resp.StatusCode, err, placed.Errors)
	}
	return placed.Token
}
