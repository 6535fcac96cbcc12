package access

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"payerflow/api/audit"
	"payerflow/api/problem"
	"payerflow/processors"
)

// Snapshots are the rules as they are known here. Rules fails where they may
// be older than they must be.
type Snapshots interface {
	Rules() (*processors.Rules, error)
	Changed() <-chan struct{}
}

// Issuer checks the bearer tokens of an OpenID provider.
type Issuer interface {
	// Check returns who holds a token and until when. It fails with
	// ErrIssuerAway where the provider's keys cannot be had.
	Check(ctx context.Context, token string) (Principal, time.Time, error)
}

// ErrIssuerAway says that the OpenID provider does not answer.
var ErrIssuerAway = errors.New("the OpenID provider does not answer")

// Guard lets in who holds a token, and puts out whose token ends.
type Guard struct {
	rules  Snapshots
	keys   *Keyring
	issuer Issuer // nil: none
	trail  *audit.Trail
	now    func() time.Time

	mu   sync.Mutex
	held map[*session]struct{}
}

// session is one request under way, or one stream.
type session struct {
	token   string // id, "" of an OpenID provider's
	version int32  // of the token's row
	until   time.Time
	end     context.CancelCauseFunc
}

// recheck is how often sessions are looked at though nothing changed: tokens
// expire, and rules become stale.
const recheck = 250 * time.Millisecond

// NewGuard checks tokens against rules; issuer may be nil.
func NewGuard(rules Snapshots, keys *Keyring, issuer Issuer) *Guard {
	return &Guard{rules: rules, keys: keys, issuer: issuer, now: time.Now, held: map[*session]struct{}{}}
}

// Audit has what is asked and refused written down. Without it nothing is shown
// that must be.
func (g *Guard) Audit(t *audit.Trail) *Guard {
	g.trail = t
	return g
}

// Run ends sessions whose token is revoked, changed or has expired, and all
// when the rules are stale, until ctx ends.
func (g *Guard) Run(ctx context.Context) error {
	tick := time.NewTicker(recheck)
	defer tick.Stop()
	for {
		changed := g.rules.Changed()
		g.sweep()
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-tick.C:
		}
	}
}

func (g *Guard) sweep() {
	rules, err := g.rules.Rules()
	now := g.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	for s := range g.held {
		switch {
		case err != nil:
			s.end(err)
		case !now.Before(s.until):
			s.end(errExpired)
		case s.token != "" && rules.Version(kindToken, s.token) != s.version:
			s.end(errRevoked)
		}
	}
}

// Ready is nil where tokens can be checked, and says what is missing otherwise.
func (g *Guard) Ready() error {
	if g == nil {
		return errNoGuard
	}
	_, err := g.rules.Rules()
	return err
}

// Wrap lets requests with a token through, and those to open paths. The
// request's context holds the principal, and ends with the token. A nil guard
// lets through what is open alone.
func (g *Guard) Wrap(open func(*http.Request) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if open(r) {
			next.ServeHTTP(w, r)
			return
		}
		if g == nil {
			Stale().Write(w)
			return
		}
		p, s, refusal := g.Check(r.Context(), r.Header)
		if refusal != nil {
			g.refused(r.Header, refusal)
			refusal.Write(w)
			return
		}
		ctx, end := context.WithCancelCause(With(r.Context(), p))
		defer end(nil)
		s.end = end
		g.hold(s)
		defer g.release(s)
		if g.trail == nil {
			next.ServeHTTP(w, r.WithContext(ctx))
			return
		}
		g.trail.Serve(ctx, w, r, audit.Who{Actor: p.Token, Team: p.Team}, next)
	})
}

// refused has a refused token written down, with its id where there is one.
func (g *Guard) refused(h http.Header, p *problem.Problem) {
	if g.trail == nil || p.Status != http.StatusUnauthorized {
		return
	}
	id := ""
	if text, refusal := bearer(h); refusal == nil {
		id = ID(text)
	}
	if rules, err := g.rules.Rules(); err != nil || rules.Version(kindToken, id) == 0 {
		id = ""
	}
	g.trail.Refused(p.Code, id)
}

func (g *Guard) hold(s *session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held[s] = struct{}{}
}

func (g *Guard) release(s *session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.held, s)
}

// Check finds who sends a request by its Authorization header.
func (g *Guard) Check(ctx context.Context, h http.Header) (Principal, *session, *problem.Problem) {
	rules, err := g.rules.Rules()
	if err != nil {
		return Principal{}, nil, Stale()
	}
	text, refusal := bearer(h)
	if refusal != nil {
		return Principal{}, nil, refusal
	}
	if g.issuer != nil && !strings.HasPrefix(text, tokenPrefix) {
		p, s, refusal := g.foreign(ctx, text)
		p.Broken = rules.Broken(p.Token, g.now())
		return p, s, refusal
	}
	id, secret := parse(text)
	row, there := rules.Token(id)
	if !g.keys.recognizes(secret, row, there) {
		return Principal{}, nil, unauthorized("INVALID_TOKEN", errUnknown)
	}
	if !row.Valid(g.now()) {
		err := errExpired
		if row.Revoked {
			err = errRevoked
		}
		return Principal{}, nil, unauthorized("INVALID_TOKEN", err)
	}
	return Principal{Token: id, Team: row.Team, Application: row.Application, Scopes: row.Scopes, Broken: rules.Broken(id, g.now())},
		&session{token: id, version: rules.Version(kindToken, id), until: row.ExpiresAt}, nil
}

func (g *Guard) foreign(ctx context.Context, text string) (Principal, *session, *problem.Problem) {
	p, until, err := g.issuer.Check(ctx, text)
	switch {
	case errors.Is(err, ErrIssuerAway):
		q := problem.New(http.StatusServiceUnavailable, "ISSUER_AWAY", "the OpenID provider does not answer; try again")
		q.RetryAfter = 1
		return p, nil, q
	case err != nil:
		return p, nil, unauthorized("INVALID_TOKEN", errForeign)
	}
	return p, &session{until: until}, nil
}

// bearer takes the token out of the one Authorization header.
func bearer(h http.Header) (string, *problem.Problem) {
	all := h.Values("Authorization")
	if len(all) == 0 {
		return "", unauthorized("TOKEN_MISSING", errMissing)
	}
	scheme, text, ok := strings.Cut(all[0], " ")
	if len(all) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") || text == "" || len(text) > maxToken {
		return "", unauthorized("INVALID_TOKEN", errForm)
	}
	return text, nil
}

// maxToken is longer than any token that a provider makes.
const maxToken = 16 << 10
