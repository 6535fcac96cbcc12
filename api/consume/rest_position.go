package consume

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"payerflow/api/problem"
	"payerflow/connectors/kafka"
)

// PartitionPosition is where the pulls of one partition are.
type PartitionPosition struct {
	Partition int32 `json:"partition"`
	Position  int64 `json:"position" doc:"Offset of the oldest event that is not done"`
	Start     int64 `json:"start" doc:"First offset that the log holds"`
	End       int64 `json:"end" doc:"Offset after the last event"`
	Lag       int64 `json:"lag" doc:"Offsets between position and end"`
}

type positionOutput struct {
	Body struct {
		Topic      string              `json:"topic" doc:"The subscription's topic"`
		Group      string              `json:"group" doc:"The consumer group whose offsets are the position"`
		Position   string              `json:"position" doc:"All partitions as one position, as streams have it" example:"1f2e3d4c.0:42"`
		Partitions []PartitionPosition `json:"partitions"`
	}
}

func (d *Door) getPosition(ctx context.Context, in *Path) (*positionOutput, error) {
	_, s, p := d.admit(ctx, in.Team, in.Name)
	if p != nil {
		return nil, p
	}
	b, err := d.copies.Bounds(ctx, s.Topic())
	if err != nil {
		return nil, problemOf(err)
	}
	committed, err := d.copies.Committed(ctx, groupOf(s), s.Topic())
	if err != nil {
		return nil, problemOf(err)
	}
	out := &positionOutput{}
	at := b.Start.Clone()
	for _, n := range slices.Sorted(maps.Keys(b.Start.Next)) {
		start, end := b.Start.Next[n], b.End.Next[n]
		position := max(start, committed[n])
		at.Next[n] = position
		out.Body.Partitions = append(out.Body.Partitions, PartitionPosition{n, position, start, end, max(0, end-position)})
	}
	out.Body.Topic, out.Body.Group, out.Body.Position = s.Topic(), groupOf(s), at.String()
	return out, nil
}

type seekInput struct {
	Path
	Body struct {
		To       string    `json:"to" enum:"earliest,latest,time,position" doc:"Where to"`
		Time     time.Time `json:"time,omitempty" doc:"With to: time, the first event that the log took at or after it"`
		Position string    `json:"position,omitempty" maxLength:"16384" doc:"With to: position"`
	}
}

func (d *Door) postSeek(ctx context.Context, in *seekInput) (*positionOutput, error) {
	h := here(ctx)
	b, err := d.copies.Bounds(ctx, h.sub.Topic())
	if err != nil {
		return nil, problemOf(err)
	}
	to := b.Start.Next
	switch in.Body.To {
	case "latest":
		to = b.End.Next
	case "time":
		if in.Body.Time.IsZero() {
			return nil, invalid(&problem.Detail{Pointer: "/time", Message: "say the time, as 2026-01-16T10:00:00Z"})
		}
		if to, err = d.copies.At(ctx, h.sub.Topic(), in.Body.Time.UnixMilli()); err != nil {
			return nil, problemOf(err)
		}
	case "position":
		p, err := kafka.ParsePosition(in.Body.Position)
		if err != nil {
			return nil, invalid(&problem.Detail{Pointer: "/position", Message: err.Error()})
		}
		if !within(p, b) {
			return nil, invalid(&problem.Detail{Pointer: "/position", Message: "not within the bounds of the log; GET position shows them"})
		}
		to = p.Next
	}
	if err := h.seek(ctx, to); err != nil {
		return nil, problemOf(err)
	}
	return d.getPosition(ctx, &in.Path)
}

func within(p kafka.Position, b kafka.Bounds) bool {
	for n, o := range p.Next {
		start, ok := b.Start.Next[n]
		if !ok || o < start || o > b.End.Next[n] {
			return false
		}
	}
	return p.Topic == b.Start.Topic
}

type streamInput struct {
	Path
	From   string `query:"from" maxLength:"16384" doc:"earliest (as where nothing is said), latest, or a position"`
	LastID string `header:"Last-Event-ID" maxLength:"16384" doc:"Id of the last event: the stream goes on after it, whatever from says"`
}

// startOf is where a stream begins.
func startOf(from, last string) (start, *problem.Detail) {
	at, place := last, "header.Last-Event-ID"
	if last == "" {
		at, place = from, "query.from"
	}
	switch at {
	case "", "earliest":
		return start{}, nil
	case "latest":
		return start{latest: true}, nil
	}
	p, err := kafka.ParsePosition(at)
	if err != nil {
		return start{}, &problem.Detail{Pointer: place, Message: err.Error()}
	}
	return start{at: &p}, nil
}

func (d *Door) getStream(ctx context.Context, in *streamInput) (*huma.StreamResponse, error) {
	g, s, p := d.admit(ctx, in.Team, in.Name)
	if p != nil {
		return nil, p
	}
	from, bad := startOf(in.From, in.LastID)
	if err := invalid(bad); err != nil {
		return nil, err
	}
	release, p := d.enter(s.Team)
	if p != nil {
		return nil, p
	}
	if _, _, err := d.begin(ctx, s, from); err != nil { // while a status can still be said
		release()
		return nil, problemOf(err)
	}
	if p := g.opens(ctx); p != nil {
		release()
		return nil, p
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer release()
		_, w := humago.Unwrap(hctx)
		out := openSSE(w, d.limits.Write)
		ctx, cancel := d.joined(ctx)
		defer cancel()
		p := d.stream(ctx, g, s, from, counted{out, d.metrics.delivered.WithLabelValues("sse")})
		if p == nil && d.ctx.Err() != nil {
			p = reconnect()
		}
		g.seen.ends(p)
		if p != nil {
			out.end(p)
		}
	}}, nil
}

// joined ends with the request and with the door.
func (d *Door) joined(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(d.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// enter takes a place for a stream of a team.
func (d *Door) enter(team string) (release func(), p *problem.Problem) {
	if d.ctx.Err() != nil {
		return nil, reconnect()
	}
	if !d.places.take(team) {
		p := problem.New(http.StatusTooManyRequests, "TOO_MANY_STREAMS", "this worker, or the team on this worker, has as many streams open as it may")
		p.RetryAfter = 1
		return nil, p
	}
	d.metrics.streams.Inc()
	d.wg.Add(1)
	return func() { d.places.leave(team); d.metrics.streams.Dec(); d.wg.Done() }, nil
}
