package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"payerflow/client"
)

func (a *app) viewWatchCommand(base *string) *cobra.Command {
	var resume string
	var limit int
	var synthetic, places bool
	cmd := &cobra.Command{
		Use: "watch VIEW KEY", Short: "Show a row and each committed state of it, one JSON object a line",
		Long: `Show a row, then each committed state of it, one JSON object a line; of a view that lists, the rows under
the key and each state of theirs. A watch that breaks off is resumed behind the last state that was shown.
With --places each line has the place where --resume goes on behind it. What it shows may be PHI; it goes
to standard output alone.`,
		Example: "  payerflow view watch claim-status " + sampleClaim, Args: exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.viewClient(cmd.Context(), *base)
			if err != nil {
				return err
			}
			for ch, err := range client.Watch[json.RawMessage](cmd.Context(), c, args[0], args[1], resume, client.Ask{Synthetic: synthetic}) {
				if err != nil {
					return watchEnded(err)
				}
				if ch.Kind == client.Beat {
					continue
				}
				if err := a.showState(ch, places); err != nil {
					return err
				}
				if limit--; limit == 0 {
					return nil
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&resume, "resume", "", "where to go on: a place of an earlier watch of the same")
	f.BoolVar(&places, "places", false, "show the place to resume at")
	f.IntVar(&limit, "limit", 0, "stop after so many lines")
	f.BoolVar(&synthetic, "synthetic", false, "watch the rows of synthetic events")
	return cmd
}

// viewClient reads views with the token that commands read with. It fails where
// no server answers, or none that lets it in.
func (a *app) viewClient(ctx context.Context, base string) (*client.Client, error) {
	q := question{role: roleReader, base: base, method: http.MethodGet, path: "/v1/views"}
	if _, err := a.call(ctx, q, nil); err != nil {
		return nil, err
	}
	req, err := a.request(ctx, q)
	if err != nil {
		return nil, err
	}
	return client.New(req.URL.Scheme+"://"+req.URL.Host, client.Options{Token: strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")}), nil
}

func (a *app) showState(ch client.Change[json.RawMessage], places bool) error {
	line := struct {
		Kind   client.Kind     `json:"kind"`
		Row    string          `json:"row,omitempty"`
		Value  json.RawMessage `json:"value,omitempty"`
		Resume string          `json:"resume,omitempty"`
	}{Kind: ch.Kind, Row: ch.ID, Value: ch.Row.Value}
	if places {
		line.Resume = ch.Resume
	}
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, string(b))
	return err
}

// watchEnded says why a watch will not go on.
func watchEnded(err error) error {
	var p *client.Problem
	if !errors.As(err, &p) {
		return err
	}
	code := exitFailed
	if p.Status == http.StatusNotFound {
		code = exitNotFound
	}
	return coded(code, p)
}
