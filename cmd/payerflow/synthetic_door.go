package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"payerflow/api"
	"payerflow/connectors/kafka"
	"payerflow/tables"
)

// sample asks the server for the event type, and gives its sample a key that
// nothing else has.
func (p *probe) sample(ctx context.Context, eventType string) error {
	var row struct{ Row tables.EventType }
	if _, err := p.app.call(ctx, question{role: roleAdmin, base: p.base, method: http.MethodGet, path: "/v1/event-types/" + url.PathEscape(eventType)}, &row); err != nil {
		return err
	}
	if p.row = row.Row; p.row.Sample == "" {
		return coded(exitNotFound, errors.New("the event type has no sample; register one"))
	}
	if p.row.KeyField == "" {
		return nil // the transaction id is the key
	}
	patch, err := json.Marshal([]map[string]any{{"op": "replace", "path": p.row.KeyField, "value": p.key}})
	if err != nil {
		return err
	}
	ops, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return err
	}
	body, err := ops.Apply([]byte(p.row.Sample))
	if err != nil {
		return errors.New("the sample of the event type does not hold its key field")
	}
	p.row.Sample = string(body)
	return nil
}

// send gives the probe to the door, and returns where it was put.
func (p *probe) send(ctx context.Context) (*kafka.Coordinates, error) {
	req, err := p.app.request(ctx, question{role: roleAdmin, base: p.base, method: http.MethodPost, path: "/v1/events", body: map[string]any{
		"specversion": "1.0", "id": p.id, "type": p.row.Name, "source": "payerflow-synthetic", "time": time.Now().UTC().Format(time.RFC3339Nano),
		"datacontenttype": "application/json", "transactionid": p.key, "userid": "payerflow", "transactiontype": "PROBE", "synthetic": true,
		"data": json.RawMessage(p.row.Sample)}})
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/cloudevents+json")
	base := req.URL.Scheme + "://" + req.URL.Host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, coded(exitUnavailable, fmt.Errorf("no server answers at %s (is it running? see --url)", base))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case err != nil:
		return nil, coded(exitUnavailable, fmt.Errorf("the answer of %s broke off: %w", base, err))
	case resp.StatusCode != http.StatusCreated:
		return nil, refusal(base, resp, body)
	}
	at := &kafka.Coordinates{}
	return at, json.NewDecoder(bytes.NewReader(body)).Decode(at)
}

// rowEvery is how often a row is asked for.
const rowEvery = 20 * time.Millisecond

// awaitRow asks for the row of the probe until its event is in it.
func (p *probe) awaitRow(ctx context.Context, view string) {
	tick := time.NewTicker(rowEvery)
	defer tick.Stop()
	for {
		var answer api.Answer
		err := p.app.ask(ctx, p.base, "/v1/views/"+view+"/"+url.PathEscape(p.key), url.Values{"synthetic": {"true"}}, &answer)
		if err == nil && slices.Contains(answer.Because.IDs, p.id) {
			p.seen(hopView+view, stateOK, nil, "")
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
