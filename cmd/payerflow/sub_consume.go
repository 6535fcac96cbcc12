package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/spf13/cobra"
	"github.com/tmaxmax/go-sse"
)

// pulledEvent is an event of a pull as the server says it.
type pulledEvent struct {
	Lease      string          `json:"lease"`
	ExpiresAt  time.Time       `json:"expiresAt"`
	Deliveries int             `json:"deliveries"`
	Partition  int32           `json:"partition"`
	Offset     int64           `json:"offset"`
	Event      json.RawMessage `json:"event"`
}

type pulledEvents struct {
	Events []pulledEvent `json:"events"`
}

func (a *app) pullEvents(k rowKind, base *string) *cobra.Command {
	var most int
	var wait, lease time.Duration
	var ack bool
	cmd := &cobra.Command{
		Use: "pull TEAM/NAME", Short: "Lease events of one subscription, and show them",
		Long: `Lease events of a subscription, and show them. What is not acknowledged before its lease ends (payerflow sub ack,
or --ack at once) is delivered again. What it shows may be PHI; it goes to standard output alone.`,
		Example: "  payerflow sub pull care/claims --max 10 --wait 10s --ack", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var got pulledEvents
			q := url.Values{"max": {strconv.Itoa(most)}, "wait": {wait.String()}, "lease": {lease.String()}}
			if err := a.consume(cmd.Context(), *base, http.MethodPost, k.path+segments(args[0])+"/pull", q, nil, &got); err != nil {
				return err
			}
			var rows [][]string
			var leases []string
			for _, e := range got.Events {
				leases = append(leases, e.Lease)
				rows = append(rows, []string{e.Lease, strconv.Itoa(e.Deliveries), e.ExpiresAt.Format(time.RFC3339), string(e.Event)})
			}
			if err := a.show(got, []string{"lease", "delivery", "until", "event"}, rows); err != nil || !ack || len(leases) == 0 {
				return err
			}
			return a.consume(cmd.Context(), *base, http.MethodPost, k.path+segments(args[0])+"/ack", nil, map[string]any{"leases": leases}, nil)
		},
	}
	f := cmd.Flags()
	f.IntVar(&most, "max", 10, "most events")
	f.DurationVar(&wait, "wait", 0, "how long to wait for the first")
	f.DurationVar(&lease, "lease", 30*time.Second, "how long they are leased")
	f.BoolVar(&ack, "ack", false, "acknowledge them once they are shown")
	return cmd
}

func (a *app) ackEvents(k rowKind, base *string) *cobra.Command {
	var upTo string
	cmd := &cobra.Command{
		Use: "ack TEAM/NAME [LEASE…]", Short: "Acknowledge leased events of one subscription",
		Example: "  payerflow sub ack care/claims 0-42-1-5f3a9c1b2d4e", Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (upTo == "") == (len(args) == 1) {
				return coded(exitUsage, errors.New("either leases or --up-to; usage: "+cmd.UseLine()))
			}
			body := map[string]any{"leases": args[1:]}
			if upTo != "" {
				body = map[string]any{"upTo": upTo}
			}
			var got struct {
				Settled int      `json:"settled"`
				Gone    []string `json:"gone"`
			}
			if err := a.consume(cmd.Context(), *base, http.MethodPost, k.path+segments(args[0])+"/ack", nil, body, &got); err != nil {
				return err
			}
			rows := [][]string{{strconv.Itoa(got.Settled), strconv.Itoa(len(got.Gone))}}
			if err := a.show(got, []string{"acknowledged", "gone"}, rows); err != nil || len(got.Gone) == 0 {
				return err
			}
			return fmt.Errorf("%d leases are gone: their events were or will be delivered again, or were parked", len(got.Gone))
		},
	}
	cmd.Flags().StringVar(&upTo, "up-to", "", "every delivered event before this position")
	return cmd
}

func (a *app) consume(ctx context.Context, base, method, path string, q url.Values, body, into any) error {
	_, err := a.call(ctx, question{role: roleSubscriber, base: base, method: method, path: path, query: q, body: body}, into)
	return err
}

func (a *app) streamEvents(k rowKind, base *string) *cobra.Command {
	var from string
	var limit int
	cmd := &cobra.Command{
		Use: "stream TEAM/NAME", Short: "Show the events of one subscription as they come, one JSON object a line",
		Long: `Show the events of a subscription as they come, one CloudEvent in JSON a line. A stream that breaks off is resumed
after the last event that was shown. What it shows may be PHI; it goes to standard output alone.`,
		Example: "  payerflow sub stream care/claims --from latest", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s := streaming{app: a, base: *base, path: k.path + segments(args[0]) + "/stream", from: from, left: limit, bounded: limit > 0}
			_, err := backoff.Retry(cmd.Context(), func() (struct{}, error) { return struct{}{}, s.once(cmd.Context()) },
				backoff.WithBackOff(backoff.NewConstantBackOff(time.Second)), backoff.WithMaxElapsedTime(0))
			if cmd.Context().Err() != nil {
				return nil //nolint:nilerr // it ends as it was told to
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "from", "earliest", "earliest, latest, or a position")
	f.IntVar(&limit, "limit", 0, "stop after so many events")
	return cmd
}

// streaming is a stream that is resumed where it broke off.
type streaming struct {
	*app
	base, path, from string
	left             int
	bounded          bool
	begun            bool // a server has answered once
}

// maxSentEvent holds the largest event of a consumer topic, escaped.
const maxSentEvent = 16 << 20

// once reads until the stream ends. An error that is not permanent asks for a
// resume.
func (s *streaming) once(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := s.request(ctx, question{role: roleSubscriber, base: s.base, method: http.MethodGet, path: s.path, query: url.Values{"from": {s.from}}})
	if err != nil {
		return backoff.Permanent(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		err = coded(exitUnavailable, fmt.Errorf("no server answers at %s (is it running? see --url)", req.URL.Host))
		if !s.begun {
			err = backoff.Permanent(err)
		}
		return err
	}
	defer resp.Body.Close()
	s.begun = true
	if resp.StatusCode != http.StatusOK {
		return s.refused(ctx, resp)
	}
	for e, err := range sse.Read(resp.Body, &sse.ReadConfig{MaxEventSize: maxSentEvent}) {
		if err != nil {
			break
		}
		if e.LastEventID != "" {
			s.from = e.LastEventID
		}
		if done, err := s.take(e); done || err != nil {
			return err
		}
	}
	return errors.New("the stream broke off")
}

// take shows an event, or says why the stream ended.
func (s *streaming) take(e sse.Event) (done bool, err error) {
	if e.Data == "" {
		return false, nil // a heartbeat, whose id counts
	}
	switch e.Type {
	case "end":
		var why struct{ Code, Detail string }
		if err := json.Unmarshal([]byte(e.Data), &why); err != nil {
			return false, backoff.Permanent(err)
		}
		err := coded(exitUnavailable, fmt.Errorf("%s: %s", why.Code, why.Detail))
		if passing[why.Code] {
			return false, err
		}
		return false, backoff.Permanent(err)
	case "reset":
		fmt.Fprintln(s.errOut, "the position is gone: the stream begins anew with what the log holds")
		return false, nil
	case "fault":
		fmt.Fprintf(s.errOut, "an event was left out: %s\n", e.Data)
		return false, nil
	}
	if _, err := fmt.Fprintln(s.out, e.Data); err != nil {
		return false, backoff.Permanent(err)
	}
	s.left--
	return s.bounded && s.left == 0, nil
}

// passing are the ends after which a stream is resumed.
var passing = map[string]bool{"RECONNECT": true, "RULES_STALE": true, "UNAVAILABLE": true, "TOPIC_NOT_READY": true, "TOO_MANY_STREAMS": true}

// refused is the error of an answer that is no stream.
func (s *streaming) refused(ctx context.Context, resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if err != nil {
		return errors.Join(err, ctx.Err())
	}
	err = refusal("http://"+resp.Request.URL.Host, resp, body)
	if resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusTooManyRequests {
		return err
	}
	return backoff.Permanent(err)
}

const maxProblem = 1 << 20
