package consume

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"payerflow/api/consume/consumepb"
	"payerflow/api/consume/consumepb/consumepbconnect"
	"payerflow/api/problem"
	"payerflow/connectors/kafka"
	"payerflow/events"
)

type controllerKey struct{}

// grpc is the path and handler of the stream over gRPC, gRPC-Web and Connect.
func (d *Door) grpc() (string, http.Handler) {
	path, h := consumepbconnect.NewSubscriptionsServiceHandler(subscriptions{d}, connect.WithReadMaxBytes(64<<10))
	return path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), controllerKey{}, c)))
		_ = c.SetWriteDeadline(time.Time{}) // the connection may be used again
	})
}

type subscriptions struct{ *Door }

// Consume is the stream of a subscription.
func (d subscriptions) Consume(ctx context.Context, req *connect.Request[consumepb.ConsumeRequest], out *connect.ServerStream[consumepb.ConsumeResponse]) error {
	g, s, p := d.admit(ctx, req.Msg.GetTeam(), req.Msg.GetName())
	if p != nil {
		return rpcError(p)
	}
	from, bad := startOf(req.Msg.GetFrom(), "")
	if bad != nil {
		return rpcError(problem.New(http.StatusUnprocessableEntity, "INVALID_POSITION", bad.Message))
	}
	release, p := d.enter(s.Team)
	if p != nil {
		return rpcError(p)
	}
	defer release()
	c, ok := ctx.Value(controllerKey{}).(*http.ResponseController)
	if !ok {
		return connect.NewError(connect.CodeInternal, errors.New("no connection to bound"))
	}
	if p := g.opens(ctx); p != nil {
		return rpcError(p)
	}
	ctx, cancel := d.joined(ctx)
	defer cancel()
	defer func() { _ = c.SetWriteDeadline(time.Now().Add(lastWrite)) }() // of the trailers
	p = d.stream(ctx, g, s, from, counted{&rpcSink{bounded: bounded{c: c, limit: d.limits.Write}, out: out}, d.metrics.delivered.WithLabelValues("grpc")})
	if p == nil && d.ctx.Err() != nil {
		p = reconnect()
	}
	g.seen.ends(p)
	if p == nil {
		return nil
	}
	return rpcError(p)
}

var rpcCodes = map[int]connect.Code{
	http.StatusUnauthorized: connect.CodeUnauthenticated, http.StatusForbidden: connect.CodePermissionDenied, http.StatusNotFound: connect.CodeNotFound,
	http.StatusConflict: connect.CodeFailedPrecondition, http.StatusGone: connect.CodeOutOfRange, http.StatusUnprocessableEntity: connect.CodeInvalidArgument,
	http.StatusTooManyRequests: connect.CodeResourceExhausted, http.StatusServiceUnavailable: connect.CodeUnavailable,
}

// rpcError is a problem as gRPC says it: its code and detail are the message,
// and payerflow-code and retry-after stand in the trailers.
func rpcError(p *problem.Problem) error {
	code, ok := rpcCodes[p.Status]
	if !ok {
		code = connect.CodeInternal
	}
	err := connect.NewError(code, p)
	err.Meta().Set("payerflow-code", p.Code)
	if p.RetryAfter > 0 {
		err.Meta().Set("retry-after", strconv.Itoa(p.RetryAfter))
	}
	return err
}

// rpcSink writes a stream as messages; each goes out at once.
type rpcSink struct {
	bounded
	out *connect.ServerStream[consumepb.ConsumeResponse]
}

func (s *rpcSink) event(at kafka.Position, e events.Envelope) error {
	m := &consumepb.ConsumedEvent{Id: plain(e.ID), Type: plain(e.Type), TypeVersion: e.TypeVersion, Key: plain(e.Key), TransactionId: plain(e.TransactionID),
		UserId: plain(e.UserID), Time: timestamppb.New(e.At.Time()), TransactionType: plain(e.TransactionType), SourceSystem: plain(e.SourceSystem),
		Synthetic: e.Synthetic, Extensions: map[string]string{}, Body: plain(e.Body)}
	if e.EventSubject != nil {
		subject := plain(*e.EventSubject)
		m.Subject = &subject
	}
	for _, t := range e.Tags {
		m.Tags = append(m.Tags, plain(t))
	}
	for k, v := range e.Extensions {
		m.Extensions[plain(k)] = plain(v)
	}
	return s.send(at, &consumepb.ConsumeResponse{What: &consumepb.ConsumeResponse_Event{Event: m}})
}

// plain is a text that protobuf takes: a service may write anything to its
// domain topic, and one event must not end a stream again and again.
func plain[T ~string](v T) string { return strings.ToValidUTF8(string(v), "\uFFFD") }

func (s *rpcSink) fault(at kafka.Position, code string) error {
	return s.send(at, &consumepb.ConsumeResponse{What: &consumepb.ConsumeResponse_Fault{Fault: &consumepb.EventFault{Code: code}}})
}

func (s *rpcSink) reset(at kafka.Position) error {
	return s.send(at, &consumepb.ConsumeResponse{What: &consumepb.ConsumeResponse_Reset_{Reset_: &consumepb.Reset{}}})
}

func (s *rpcSink) beat(at kafka.Position) error {
	return s.send(at, &consumepb.ConsumeResponse{What: &consumepb.ConsumeResponse_Heartbeat{Heartbeat: &consumepb.Heartbeat{}}})
}

func (s *rpcSink) send(at kafka.Position, m *consumepb.ConsumeResponse) error {
	m.Position = at.String()
	return s.write(func() error { return s.out.Send(m) })
}

func (s *rpcSink) flush() error { return nil }
