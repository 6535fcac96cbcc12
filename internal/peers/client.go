package peers

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"connectrpc.com/connect"

	"payerflow/internal/peers/peerpb"
	"payerflow/internal/peers/peerpb/peerpbconnect"
	"payerflow/internal/topology"
)

const (
	// maxAnswer bounds what another worker may send at once.
	maxAnswer = 96 << 20
	dialFor   = time.Second
	// pingAfter and pingFor find out that a connection is half open, or that
	// whoever is at its end has stopped.
	pingAfter = time.Second
	pingFor   = time.Second
	// gzip is what Connect would do at both ends of a hop: workers are near one
	// another, and it costs more than all the rest of a read.
	gzip = "gzip"
	// shunFor is how long a worker that does not answer is asked last.
	shunFor = 2 * time.Second
)

// client asks other workers.
type client struct {
	id        *identity
	transport *http.Transport
	mu        sync.Mutex
	services  map[string]peerpbconnect.PeerServiceClient // by address
	shunned   map[string]time.Time                       // until when, by instance
	lines     map[topology.Holder]*line
}

func newClient(s Security, log *slog.Logger) (*client, error) {
	id, err := openIdentity(s, log)
	if err != nil {
		return nil, err
	}
	c := &client{id: id, services: map[string]peerpbconnect.PeerServiceClient{}, shunned: map[string]time.Time{}, lines: map[topology.Holder]*line{}}
	c.transport = &http.Transport{Protocols: protocols(), DialContext: c.dialPlain, DialTLSContext: c.dialTLS, IdleConnTimeout: time.Minute,
		DisableCompression: true, HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingFor, StrictMaxConcurrentRequests: false}}
	return c, nil
}

func (c *client) close() { c.transport.CloseIdleConnections() }

// dialPlain reaches this machine alone.
func (c *client) dialPlain(ctx context.Context, network, address string) (net.Conn, error) {
	if !loopback(address) {
		return nil, ErrPlain
	}
	return (&net.Dialer{Timeout: dialFor}).DialContext(ctx, network, address)
}

func (c *client) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialFor)
	defer cancel()
	return (&tls.Dialer{Config: c.id.client(host)}).DialContext(ctx, network, address)
}

func (c *client) service(address string) peerpbconnect.PeerServiceClient {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.services[address]
	if s == nil {
		scheme := "http://"
		if c.id != nil {
			scheme = "https://"
		}
		s = peerpbconnect.NewPeerServiceClient(&http.Client{Transport: c.transport}, scheme+address, connect.WithReadMaxBytes(maxAnswer),
			connect.WithAcceptCompression(gzip, nil, nil))
		c.services[address] = s
	}
	return s
}

// shuns says whether a worker did not answer a moment ago.
func (c *client) shuns(instance string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	until, shunned := c.shunned[instance]
	if shunned && time.Now().After(until) {
		delete(c.shunned, instance)
		return false
	}
	return shunned
}

func (c *client) shun(instance string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shunned[instance] = time.Now().Add(shunFor)
}

// replied is what another worker has for a question.
type replied struct {
	reply   topology.Reply
	err     error
	holders []topology.Holder
}

// ask sends questions to a worker. Whatever keeps it from a sound answer is
// ErrUnavailable, and the worker is shunned for a while.
func (c *client) ask(ctx context.Context, to topology.Holder, qs []topology.Question) []replied {
	req := &peerpb.ReadRequest{To: to.Instance}
	for _, q := range qs {
		req.Questions = append(req.Questions, questionOut(q))
	}
	out := make([]replied, len(qs))
	resp, err := c.service(to.Address).Read(ctx, connect.NewRequest(req))
	if err == nil && len(resp.Msg.GetReplies()) != len(qs) {
		err = errors.New("as many answers as questions are due")
	}
	if err != nil {
		if !errors.Is(context.Cause(ctx), context.Canceled) { // whoever asked is still there
			c.shun(to.Instance)
		}
		for i := range out {
			out[i].err = fmt.Errorf("%w: worker %s: %w", topology.ErrUnavailable, to.Instance, kind(err))
		}
		return out
	}
	for i, reply := range resp.Msg.GetReplies() {
		out[i] = replied{replyIn(reply), errorOf(reply.GetFault()), holdersIn(reply.GetHolders())}
		if out[i].err == nil && !fits(qs[i], out[i].reply) {
			c.shun(to.Instance)
			out[i] = replied{err: fmt.Errorf("%w: worker %s: the answer is not to the question", topology.ErrUnavailable, to.Instance)}
		}
	}
	return out
}

// kind is what may be said of an error: not its text, which the other side made.
func kind(err error) error {
	if errors.Is(err, ErrPlain) {
		return ErrPlain
	}
	return errors.New(connect.CodeOf(err).String())
}

// behind says whether a place lies behind another of its partition: who reads
// on from it comes to an end.
func behind(next, from topology.Place) bool {
	return cmp.Or(cmp.Compare(next.Run, from.Run), cmp.Compare(next.Hash, from.Hash), cmp.Compare(next.Skip, from.Skip)) > 0
}

// fits says whether a reply can be one to a question.
func fits(q topology.Question, r topology.Reply) bool {
	if q.Incarnation != "" && r.Copy.Incarnation != q.Incarnation {
		return false
	}
	if q.Keys == nil {
		return len(r.Rows) <= q.Limit && (r.Next == nil || r.Next.Partition == q.Partition && behind(*r.Next, q.From))
	}
	if len(r.Rows) == 0 || len(r.Rows) > len(q.Keys) {
		return false
	}
	for i, row := range r.Rows {
		if row.Key != q.Keys[i] {
			return false
		}
	}
	return true
}
