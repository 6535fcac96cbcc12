package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestDoors: what comes in by a door is in the view; the commands of
// docs/intake.md do what it says; and nothing comes in without a token.
func TestDoors(t *testing.T) {
	dir := t.TempDir()
	_, addr, _ := demo(t, dir, "--traffic=false")
	c, err := readCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, token, contentType, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", contentType)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	claim := `{"metadata":{"eventType":"CLAIM_SUBMITTED","transactionId":"t-1","timeStamp":"2026-03-10T08:00:00Z","sourceSystem":"test","synthetic":false},"eventBody":` +
		lines(t, "testdata/events/claims-day.ndjson")[0] + `}`
	for token, want := range map[string]int{"": 401, "pf_x_y": 401, c.Tokens[roleReader]: 403, c.Tokens[rolePublisher]: 201} {
		if code, body := ask("POST", "/v1/events", token, "application/json", claim); code != want {
			t.Fatalf("REST: %d %s, want %d", code, body, want)
		}
	}
	within(t, time.Minute, "the claim in the view", func() bool {
		return get(t, "http://"+addr+"/v1/views/claim-status/f5d27093-c3d7-5e73-a460-ba0dcedb4e0e", nil) == 200
	})
	for path, want := range map[string]int{"/payerflow.v1.IntakeService/Publish": 401, "/grpc.health.v1.Health/Check": 200, "/soap/events": 401} {
		if code, body := ask("POST", path, "", "application/json", "{}"); code != want {
			t.Errorf("%s without a token: %d %s, want %d", path, code, body, want)
		}
	}
	kaas, err := json.Marshal(map[string]any{"name": "KaaS-Requested-Topic-Creation", "parts": []string{"KaaS", "Requested", "Topic", "Creation"}, "owner": demoTeam, "doc": "a team asks for a topic",
		"schema":   `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"topic":{"type":"object","properties":{"name":{"type":"string"}}}}}`,
		"keyField": "/topic/name", "fields": []any{map[string]string{"pointer": "/topic/name", "class": "PUBLIC"}}})
	if err != nil {
		t.Fatal(err)
	}
	if code, body := ask("PUT", "/v1/event-types/KaaS-Requested-Topic-Creation", c.Tokens[roleAdmin], "application/json", string(kaas)); code/100 != 2 {
		t.Fatalf("register: %d %s", code, body)
	}
	documented(t, "docs/intake.md", addr, c.Tokens[rolePublisher])
}

// documented runs the curl commands of a page; each must be answered with a
// consistency token.
func documented(t *testing.T, page, addr, token string) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Logf("not run, there is no curl here: %s", page)
		return
	}
	b, err := os.ReadFile(root(t, page))
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(b), -1) {
		for command := range strings.SplitSeq(block[1], "\n\n") {
			if !strings.HasPrefix(command, "curl") {
				continue
			}
			cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(command, "127.0.0.1:8080", addr))
			cmd.Env = append(os.Environ(), "TOKEN="+token)
			out, err := cmd.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("mediator.event.received")) || !bytes.Contains(out, []byte("token")) {
				t.Errorf("%s: %v %s", command, err, out)
			}
			ran++
		}
	}
	if ran < 4 {
		t.Errorf("%d commands found in %s", ran, page)
	}
}
