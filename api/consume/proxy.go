package consume

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// passedOn marks a request that another worker has passed on, so that it is
// not passed on again.
const passedOn = "X-Payerflow-Passed-On"

// proxy passes requests on to the worker that owns a subscription's pulls.
type proxy struct{ transport *http.Transport }

func newProxy() *proxy {
	return &proxy{&http.Transport{MaxIdleConnsPerHost: 32, IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: maxWait + 30*time.Second}}
}

func (p *proxy) close() { p.transport.CloseIdleConnections() }

// pass answers a request with what the owner answers. moved is called where it
// cannot be reached, or does not own the pulls any more.
func (p *proxy) pass(w http.ResponseWriter, r *http.Request, address string, moved func()) {
	away := func(w http.ResponseWriter) {
		moved()
		later("OWNER_MOVES", "another worker takes the subscription over; try again").Write(w)
	}
	rp := &httputil.ReverseProxy{Transport: p.transport,
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(&url.URL{Scheme: "http", Host: address})
			pr.Out.Host = pr.In.Host
			pr.Out.Header.Set(passedOn, "1")
		},
		ModifyResponse: func(resp *http.Response) error {
			if resp.StatusCode == http.StatusMisdirectedRequest {
				return errNotOwned
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { away(w) },
	}
	rp.ServeHTTP(w, r)
}

type queueKey struct{}

// passOn admits the caller, finds who owns the subscription's pulls, and goes
// on here or answers with what the owner says.
func (d *Door) passOn(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	g, s, p := d.admit(ctx.Context(), ctx.Param("team"), ctx.Param("name"))
	if p != nil {
		p.Write(w)
		return
	}
	q, address, err := d.pulls.find(ctx.Context(), s, r.Header.Get(passedOn) != "")
	switch {
	case err != nil:
		problemOf(err).Write(w)
	case address != "":
		d.proxy.pass(w, r, address, func() { d.pulls.forget(s) })
	default:
		next(huma.WithValue(ctx, queueKey{}, local{g, q}))
	}
}

// local is a subscription whose pulls this worker owns, and who asks.
type local struct {
	*grant
	*queue
}

func here(ctx context.Context) local { return ctx.Value(queueKey{}).(local) }
