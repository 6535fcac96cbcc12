package peers

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"connectrpc.com/connect"

	"payerflow/internal/peers/peerpb"
	"payerflow/internal/peers/peerpb/peerpbconnect"
	"payerflow/internal/topology"
)

const (
	// maxQuestions and maxRequest bound what is asked at once.
	maxQuestions = 256
	maxRequest   = 4 << 20
	// longestWait bounds a question that waits for a position.
	longestWait = 35 * time.Second
	readHeader  = 5 * time.Second
	idleFor     = 2 * time.Minute
)

// Server answers what other workers ask.
type Server struct {
	http *http.Server
	ln   net.Listener
}

// Listen opens the address on which other workers ask. Without security it is a
// loopback address, or an error that wraps ErrPlain.
func Listen(ctx context.Context, address string, s Security, log *slog.Logger) (*Server, error) {
	id, err := openIdentity(s, log)
	if err != nil {
		return nil, err
	}
	if id == nil && !loopback(address) {
		return nil, fmt.Errorf("peers.listen %s: %w", address, ErrPlain)
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("peers.listen: %w", err)
	}
	if id != nil {
		ln = tls.NewListener(ln, id.server())
	}
	return &Server{ln: ln, http: &http.Server{ReadHeaderTimeout: readHeader, IdleTimeout: idleFor, Protocols: protocols(),
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 1000}, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}}, nil
}

// Addr is where it listens.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Serve answers out of what is here, until Close.
func (s *Server) Serve(local topology.Shards, dir topology.Directory) error {
	mux := http.NewServeMux()
	mux.Handle(peerpbconnect.NewPeerServiceHandler(&answering{local: local, dir: dir}, connect.WithReadMaxBytes(maxRequest), connect.WithCompression(gzip, nil, nil), connect.WithRecover(
		func(context.Context, connect.Spec, http.Header, any) error {
			return connect.NewError(connect.CodeInternal, errors.New("the question could not be answered"))
		})))
	s.http.Handler = mux
	if err := s.http.Serve(s.ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("peers: %w", err)
	}
	return nil
}

// Close ends it, with a moment for what is being answered.
func (s *Server) Close(ctx context.Context) error {
	defer s.ln.Close()
	if err := s.http.Shutdown(ctx); err != nil {
		return s.http.Close()
	}
	return nil
}

func protocols() *http.Protocols {
	var p http.Protocols
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return &p
}

// answering is the service.
type answering struct {
	local topology.Shards
	dir   topology.Directory
}

// Read answers each question from the copy that is here.
func (a *answering) Read(ctx context.Context, req *connect.Request[peerpb.ReadRequest]) (*connect.Response[peerpb.ReadResponse], error) {
	if to := req.Msg.GetTo(); to != a.dir.Self() {
		return nil, connect.NewError(connect.CodeNotFound, errors.New("another worker listens here"))
	}
	if len(req.Msg.GetQuestions()) > maxQuestions {
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("too many questions"))
	}
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	out := &peerpb.ReadResponse{}
	for _, question := range req.Msg.GetQuestions() {
		q := questionIn(question)
		r, err := a.local.Read(ctx, q)
		reply := replyOut(r)
		if err != nil {
			reply = &peerpb.Reply{Fault: faultOf(err)}
		}
		if errors.Is(err, topology.ErrElsewhere) || errors.Is(err, topology.ErrRestoring) {
			reply.Holders = holdersOut(a.dir.Holders(q.View, q.Partition))
		}
		out.Replies = append(out.Replies, reply)
	}
	return connect.NewResponse(out), nil
}
