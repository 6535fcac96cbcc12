package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/internal/topology"
	"payerflow/tables"
)

// slaView is the view that the figures are worked out of.
const slaView = "sla"

// Latencies are how long events with one tag took from the door to their delivery.
type Latencies struct {
	Tag     string          `json:"tag" doc:"The tag; ~other: tags that no event type registers; ~untagged: events without tags"`
	From    time.Time       `json:"from" doc:"Begin of the first window"`
	To      time.Time       `json:"to" doc:"End of the last window, which may still be open"`
	Total   LatencyFigures  `json:"total" doc:"All windows together"`
	Windows []LatencyWindow `json:"windows" doc:"Windows with events, oldest first"`
	AsOf    AsOf            `json:"as_of" doc:"How recent the answer is"`
	Stale   bool            `json:"stale" doc:"True where the inputs were last seen at their end longer ago than the freshness bound"`
}

// LatencyFigures are counts and times in milliseconds.
type LatencyFigures struct {
	Count int64   `json:"count" doc:"Events that were delivered"`
	P50   float64 `json:"p50_ms" doc:"Half took no longer, in milliseconds; told at most a fifth too long"`
	P95   float64 `json:"p95_ms" doc:"95 of 100 took no longer"`
	P99   float64 `json:"p99_ms" doc:"99 of 100 took no longer"`
	Max   float64 `json:"max_ms" doc:"The longest"`
}

// LatencyWindow is five minutes.
type LatencyWindow struct {
	Start time.Time `json:"start" doc:"Begin of the window"`
	LatencyFigures
}

type slaInput struct {
	Tag       string `query:"tag" required:"true" minLength:"1" maxLength:"256" doc:"Tag"`
	Minutes   int    `query:"minutes" default:"60" minimum:"5" maximum:"1440" doc:"How far back from now, by the time of delivery"`
	Synthetic bool   `query:"synthetic" doc:"Of synthetic events instead, which real figures never hold"`
}

type slaOutput struct{ Body Latencies }

func registerSLA(api huma.API, views topology.Views) {
	huma.Register(api, huma.Operation{
		OperationID: "sla", Method: http.MethodGet, Path: "/v1/sla", Tags: []string{"views"}, Summary: "Time from intake to delivery, by tag",
		Description: "Counts and percentiles of the last minutes, in windows of five. Rows are those of the view sla.",
		Errors:      []int{http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
	}, func(ctx context.Context, in *slaInput) (*slaOutput, error) {
		if err := mayRead(ctx, slaView); err != nil {
			return nil, err
		}
		a, err := views.Get(ctx, slaView, in.Tag, in.Synthetic)
		if err != nil {
			return nil, problemOf(err)
		}
		row, ok := a.Row.(tables.SLA)
		if !ok {
			return nil, problemOf(topology.ErrNoView)
		}
		return &slaOutput{slaOf(row, Answer{AsOf: asOf(a), Stale: a.Stale}, in.Minutes, time.Now())}, nil
	})
}

func slaOf(row tables.SLA, a Answer, minutes int, now time.Time) Latencies {
	to := now.UTC().Truncate(tables.SLAStep).Add(tables.SLAStep)
	from := now.UTC().Add(-time.Duration(minutes) * time.Minute).Truncate(tables.SLAStep)
	out := Latencies{Tag: row.Tag, From: from, To: to, Total: figures(row.Between(from, to)), Windows: []LatencyWindow{}, AsOf: a.AsOf, Stale: a.Stale}
	for _, w := range row.Windows {
		if at := w.Start.Time(); !at.Before(from) && at.Before(to) {
			out.Windows = append(out.Windows, LatencyWindow{at, figures(w.Latency())})
		}
	}
	return out
}

func figures(l tables.Latency) LatencyFigures {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return LatencyFigures{Count: l.Count, P50: ms(l.P50), P95: ms(l.P95), P99: ms(l.P99), Max: ms(l.Max)}
}
