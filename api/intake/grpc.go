package intake

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"

	"payerflow/api/consume/consumepb/consumepbconnect"
	"payerflow/api/intake/intakepb"
	"payerflow/api/intake/intakepb/intakepbconnect"
	"payerflow/api/problem"
)

// Bounds of the gRPC door, beside those of one request.
const (
	maxStreamEvents = 10_000
	chunkEvents     = 256
	streamBytes     = 2 * MaxBytes // one chunk, and the message after it
)

type grpcDoor struct{ *door }

// mountGRPC puts gRPC, gRPC-Web and Connect on a mux, with health and
// reflection.
func (d *door) mountGRPC(mux *http.ServeMux) {
	path, handler := intakepbconnect.NewIntakeServiceHandler(grpcDoor{d}, connect.WithReadMaxBytes(MaxBytes), connect.WithCodec(strictJSON{}))
	mux.Handle(path, d.metered(handler))
	mux.Handle(grpchealth.NewHandler(health{d}))
	names := grpcreflect.NewStaticReflector(intakepbconnect.IntakeServiceName, consumepbconnect.SubscriptionsServiceName, grpchealth.HealthV1ServiceName)
	mux.Handle(grpcreflect.NewHandlerV1(names))
	mux.Handle(grpcreflect.NewHandlerV1Alpha(names))
}

// metered lets in what there is room for. A stream takes all its room at once.
func (d *door) metered(next http.Handler) http.Handler {
	refuse := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stay := d.flight.enter(r.Context())
		if stay == nil {
			_ = refuse.Write(w, r, connectError(busy())) // the client may be gone
			return
		}
		defer stay.leave()
		r = r.WithContext(traced(r.Context(), r.Header))
		body := &patient{r.Body, http.NewResponseController(w), d.Patience}
		if r.URL.Path != intakepbconnect.IntakeServicePublishStreamProcedure {
			r.Body = struct {
				io.Reader
				io.Closer
			}{&meter{Reader: body, stay: stay, full: &http.MaxBytesError{Limit: d.Bytes}}, body}
		} else if !stay.hold(streamBytes) {
			_ = refuse.Write(w, r, connectError(busy()))
			return
		} else {
			r.Body = body
		}
		next.ServeHTTP(w, r)
	})
}

// patient is a body whose sender may take so long for each part.
type patient struct {
	io.ReadCloser
	until    *http.ResponseController
	patience time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	_ = p.until.SetReadDeadline(time.Now().Add(p.patience)) // a test's recorder has none
	return p.ReadCloser.Read(b)
}

// Publish commits one event.
func (d grpcDoor) Publish(ctx context.Context, r *connect.Request[intakepb.PublishRequest]) (*connect.Response[intakepb.PublishResponse], error) {
	out, p := d.take(ctx, []*candidate{readProto(r.Msg, r.Msg.GetEvent(), r.Msg.GetIdempotencyKey())})
	if p == nil {
		p = out[0].Problem
	}
	if p != nil {
		return nil, connectError(p)
	}
	return connect.NewResponse(&intakepb.PublishResponse{Committed: out[0].proto()}), nil
}

// PublishStream commits events as they come, in chunks of what has come.
func (d grpcDoor) PublishStream(ctx context.Context, s *connect.ClientStream[intakepb.PublishStreamRequest]) (*connect.Response[intakepb.PublishStreamResponse], error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	arrived := make(chan *candidate)
	var last error
	go func() {
		defer close(arrived)
		for n := 0; s.Receive(); n++ {
			if n == maxStreamEvents {
				last = connect.NewError(connect.CodeResourceExhausted, errors.New("a stream has "+strconv.Itoa(maxStreamEvents)+" events at most"))
				return
			}
			select {
			case arrived <- readProto(s.Msg(), s.Msg().GetEvent(), s.Msg().GetIdempotencyKey()):
			case <-ctx.Done():
				return
			}
		}
		last = s.Err()
	}()
	answer := &intakepb.PublishStreamResponse{}
	for {
		chunk := gather(ctx, arrived)
		results, goOn := d.chunk(ctx, chunk)
		if ctx.Err() != nil {
			return nil, connect.NewError(connect.CodeUnauthenticated, errors.New("the request or its token has ended"))
		}
		if len(chunk) == 0 {
			if last != nil {
				return nil, last
			}
			return connect.NewResponse(answer), nil
		}
		if answer.Results = append(answer.Results, results...); !goOn {
			return connect.NewResponse(answer), nil
		}
	}
}

// gather waits for one candidate and takes what else is there. It is empty
// when no more will come, or ctx ends.
func gather(ctx context.Context, arrived <-chan *candidate) (chunk []*candidate) {
	var first *candidate
	select {
	case first = <-arrived:
	case <-ctx.Done():
	}
	if first == nil {
		return nil
	}
	chunk, bytes := []*candidate{first}, len(first.body)
	for len(chunk) < chunkEvents && bytes < MaxBytes {
		select {
		case c, ok := <-arrived:
			if !ok {
				return chunk
			}
			chunk, bytes = append(chunk, c), bytes+len(c.body)
		default:
			return chunk
		}
	}
	return chunk
}

// chunk commits what has come. It is false where events could not be
// committed for now.
func (d grpcDoor) chunk(ctx context.Context, cs []*candidate) (results []*intakepb.PublishResult, goOn bool) {
	if len(cs) == 0 {
		return nil, true
	}
	out, p := d.take(ctx, cs)
	if p != nil {
		out = slices.Repeat([]outcome{{Problem: p}}, len(cs))
	}
	goOn = true
	for _, o := range out {
		if o.Problem != nil {
			goOn = goOn && o.RetryAfter == 0
			results = append(results, &intakepb.PublishResult{Result: &intakepb.PublishResult_Refusal{Refusal: refusal(o.Problem)}})
			continue
		}
		results = append(results, &intakepb.PublishResult{Result: &intakepb.PublishResult_Committed{Committed: o.proto()}})
	}
	return results, goOn
}

func (o outcome) proto() *intakepb.Committed {
	return &intakepb.Committed{Topic: o.placed.Topic, Partition: o.placed.Partition, Offset: o.placed.Offset, Id: o.id, Token: Token(o.placed), Deprecated: o.deprecated}
}

func refusal(p *problem.Problem) *intakepb.Refusal {
	r := &intakepb.Refusal{Status: int32(p.Status), Code: p.Code, Detail: p.Detail, RetryAfter: int32(p.RetryAfter)}
	for _, f := range p.Errors {
		r.Faults = append(r.Faults, &intakepb.Fault{Code: f.Code, Pointer: f.Pointer, Message: f.Message})
	}
	return r
}

var connectCodes = map[int]connect.Code{
	http.StatusUnauthorized: connect.CodeUnauthenticated, http.StatusForbidden: connect.CodePermissionDenied,
	http.StatusRequestEntityTooLarge: connect.CodeResourceExhausted, http.StatusTooManyRequests: connect.CodeResourceExhausted,
	http.StatusServiceUnavailable: connect.CodeUnavailable,
}

// connectError is a problem as the protocols of this door have it.
func connectError(p *problem.Problem) *connect.Error {
	code, known := connectCodes[p.Status]
	if !known {
		code = connect.CodeInvalidArgument
	}
	err := connect.NewError(code, errors.New(p.Code+": "+p.Detail))
	if detail, broken := connect.NewErrorDetail(refusal(p)); broken == nil {
		err.AddDetail(detail)
	}
	if p.RetryAfter > 0 {
		err.Meta().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	return err
}

// health says that the door serves while its rules are fresh.
type health struct{ *door }

func (h health) Check(_ context.Context, r *grpchealth.CheckRequest) (*grpchealth.CheckResponse, error) {
	if r.Service != "" && r.Service != intakepbconnect.IntakeServiceName {
		return nil, connect.NewError(connect.CodeNotFound, errors.New("no such service"))
	}
	if _, err := h.Rules(); err != nil {
		return &grpchealth.CheckResponse{Status: grpchealth.StatusNotServing}, nil //nolint:nilerr // that is the answer
	}
	return &grpchealth.CheckResponse{Status: grpchealth.StatusServing}, nil
}
