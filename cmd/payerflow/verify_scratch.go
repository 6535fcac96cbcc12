package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"payerflow/internal/verify"
	"payerflow/tables"
	"payerflow/topologies"
)

// scratch is a demonstration of its own, in a folder that goes away.
type scratch struct {
	app  *app // whose commands ask it
	dir  string
	base string // of its HTTP surface
	stop func() error
}

// shared is a writer that is read while it is written.
type shared struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// inside is an app whose output is kept, and that knows nothing of this one's
// settings.
func (a *app) inside(out io.Writer) *app {
	inner := &app{out: out, errOut: out}
	for _, kv := range a.environ {
		if !strings.HasPrefix(kv, "PAYERFLOW_") {
			inner.environ = append(inner.environ, kv)
		}
	}
	return inner
}

func (a *app) command(ctx context.Context, args ...string) error {
	root := a.rootCommand()
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

var viewsAt = regexp.MustCompile(`(?m)^  views +(http://[^/]+)/`)

// startScratch starts broker, registry and worker, and waits until they serve.
func (a *app) startScratch(ctx context.Context) (_ *scratch, err error) {
	s := &scratch{}
	if s.dir, err = os.MkdirTemp("", "payerflow-verify-*"); err != nil {
		return nil, err
	}
	var said shared
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- a.inside(&said).command(running, "demo", "--data-dir", s.dir, "--http-addr", "127.0.0.1:0", "--kafka-addr", "127.0.0.1:0",
			"--registry-addr", "127.0.0.1:0", "--traffic=false", "--log-level", "error")
	}()
	s.stop = func() error {
		cancel()
		return errors.Join(<-ended, os.RemoveAll(s.dir))
	}
	for s.base == "" {
		if m := viewsAt.FindStringSubmatch(said.String()); m != nil {
			s.base = m[1]
		}
		select {
		case err := <-ended:
			ended <- nil
			return s, fmt.Errorf("the scratch did not start: %w", errors.Join(err, ctx.Err()))
		case <-time.After(50 * time.Millisecond):
		}
	}
	c, err := readCredentials(s.dir)
	if err != nil {
		return s, err
	}
	s.app = a.inside(io.Discard)
	flags := []string{"version", "--data-dir", s.dir, "--brokers", c.Demo.Broker, "--registry", "http://" + c.Demo.Registry}
	if err := s.app.command(ctx, flags...); err != nil { // it reads the settings
		return s, err
	}
	s.app.tokenFlag = c.Tokens[roleAdmin]
	return s, s.await(ctx, "ready", func() bool { return s.get(ctx, "/readyz") == http.StatusOK })
}

const scratchWait = 2 * time.Minute

func (s *scratch) await(ctx context.Context, what string, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, scratchWait)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the scratch is not %s: %w", what, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

func (s *scratch) get(ctx context.Context, path string) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		return 0
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// Of the scratch flow: two teams, of which one may see what claims hold.
const (
	scratchSeen   = "desk"
	scratchHidden = "news"
	scratchClaims = 40
	scratchOthers = 6
	scratchSub    = "claims"
)

// fill makes subscriptions and lets claims come in by the door: each is
// submitted, denied, approved after all and paid.
func (s *scratch) fill(ctx context.Context) error {
	for _, team := range []string{scratchSeen, scratchHidden} {
		row := fmt.Sprintf(`{"team":%q,"name":%q,"eventTypes":["CLAIM_*"],"synthetic":"discard","delivery":"topic","partitions":1,"state":"ACTIVE"}`, team, scratchSub)
		path := filepath.Join(s.dir, "subscription.json")
		if err := os.WriteFile(path, []byte(row), 0o600); err != nil {
			return err
		}
		if err := s.run(ctx, "sub", "apply", "-f", path, "--why", "self-test"); err != nil {
			return err
		}
	}
	for _, class := range []string{tables.ClassPHI, tables.ClassPII, tables.ClassBank} {
		if err := s.run(ctx, "perm", "grant", scratchSeen, class, "--why", "self-test"); err != nil {
			return err
		}
	}
	var batch []string
	for _, step := range scratchSteps {
		for i := range step.times {
			e, err := scratchEvent(step.eventType, i)
			if err != nil {
				return err
			}
			batch = append(batch, e)
		}
	}
	return s.publish(ctx, "["+strings.Join(batch, ",")+"]")
}

// scratchSteps is what comes in, step by step: claims; premiums of which none is
// paid by half of the members; and bookings, with what decides about them.
var scratchSteps = []struct {
	eventType string
	times     int
}{
	{"CLAIM_SUBMITTED", scratchClaims}, {"CLAIM_DENIED", scratchClaims}, {"CLAIM_APPROVED", scratchClaims}, {"CLAIM_PAID", scratchClaims},
	{"PRIOR_AUTH_APPROVED", scratchOthers}, {"ENROLLMENT_ACTIVATED", scratchOthers}, {"INVOICE_GENERATED", scratchOthers}, {"PAYMENT_RECEIVED", scratchOthers / 2},
	{"COVERAGE_VERIFIED", scratchOthers}, {"CREDENTIALING_APPROVED", scratchOthers}, {"NETWORK_UPDATED", scratchOthers / 2}, {"BOOKING_CONFIRMED", scratchOthers},
	{"PROVIDER_PROFILE_UPDATED", scratchOthers}, {"PATIENT_PROFILE_UPDATED", scratchOthers},
}

func (s *scratch) run(ctx context.Context, args ...string) error {
	err := s.app.inside(io.Discard).command(ctx, append(args, "--url", s.base, "--data-dir", s.dir)...)
	if err != nil {
		return fmt.Errorf("%s %s: %w", args[0], args[1], err)
	}
	return nil
}

// scratchEvent is the sample of a type, about one claim, member or booking.
func scratchEvent(eventType string, i int) (string, error) {
	for _, t := range topologies.DefaultEventTypes() {
		if t.Name != eventType {
			continue
		}
		var body map[string]any
		if err := json.Unmarshal([]byte(t.Sample), &body); err != nil {
			return "", err
		}
		for _, id := range []string{"claimId", "memberId", "priorAuthId", "enrollmentId", "invoiceId", "paymentId", "bookingId", "providerId"} {
			if _, has := body[id]; has && (id != "providerId" || body["claimId"] == nil) {
				body[id] = fmt.Sprintf("%s-%d", strings.ToUpper(id[:1]), i)
			}
		}
		event, err := json.Marshal(map[string]any{"specversion": "1.0", "id": fmt.Sprintf("%s-%d", eventType, i), "type": eventType, "source": "/self-test",
			"synthetic": false, "datacontenttype": "application/json", "data": body})
		return string(event), err
	}
	return "", fmt.Errorf("the catalogue has no type %s", eventType)
}

func (s *scratch) publish(ctx context.Context, batch string) error {
	c, err := readCredentials(s.dir)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/v1/events", strings.NewReader(batch))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/cloudevents-batch+json")
	req.Header.Set("Authorization", "Bearer "+c.Tokens[rolePublisher])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("the door answers %s", resp.Status)
	}
	return nil
}

// planting is where defects are planted.
func (s *scratch) planting() (verify.Scratch, error) {
	log, err := s.app.verifyLog()
	if err != nil {
		return verify.Scratch{}, err
	}
	return verify.Scratch{Log: log, Answers: verify.Answers{Base: s.base, Token: s.app.tokenFlag}, Table: topologies.ClaimStatus.Declare().Table.Name,
		Redacted: tables.Subscription{Team: scratchHidden, Name: scratchSub}.Topic(), Seen: tables.Subscription{Team: scratchSeen, Name: scratchSub}.Topic(),
		Domain: topologies.ClaimAdjudicated.Topic.Name, Chain: topologies.AuditChain.Topic.Name, Flow: s.app.flowToVerify()}, nil
}
