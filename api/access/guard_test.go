package access_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"payerflow/api/access"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// known is what a tail knows, without a log.
type known struct {
	mu      sync.Mutex
	rules   *processors.Rules
	changed chan struct{}
	err     error
}

func newKnown() *known {
	return &known{rules: processors.NewRules(nil, secret), changed: make(chan struct{})}
}

func (k *known) Rules() (*processors.Rules, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return nil, k.err
	}
	return k.rules, nil
}

func (k *known) Changed() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.changed
}

func (k *known) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

// put writes a token's row.
func (k *known) put(t testing.TB, row tables.Token) {
	t.Helper()
	text, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	next, outcomes := k.rules.Apply([]processors.Change{{Offset: k.rules.Offset(), Control: events.Control{Kind: tables.KindToken, Name: row.ID,
		Version: k.rules.Version(tables.KindToken, row.ID) + 1, Act: events.ControlPut, Row: string(text), At: 1}}})
	if !outcomes[0].Applied {
		t.Fatal(outcomes[0].Faults)
	}
	k.rules = next
	close(k.changed)
	k.changed = make(chan struct{})
}

var secret = []byte("0123456789abcdef0123456789abcdef")

func keyring(t testing.TB) *access.Keyring {
	t.Helper()
	k, err := access.NewKeyring(secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func minted(t testing.TB, k *known, valid time.Duration) (tables.Token, string) {
	t.Helper()
	row, text := keyring(t).Mint(tables.Token{Team: "billing", CreatedAt: time.Now().Add(-time.Hour), ExpiresAt: time.Now().Add(valid),
		Scopes: tables.Scopes{Read: []string{"claim-status"}}})
	k.put(t, row)
	return row, text
}

func request(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/v1/views", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func nothingOpen(*http.Request) bool { return false }

func TestOnlyATokenOpens(t *testing.T) {
	k := newKnown()
	_, good := minted(t, k, time.Hour)
	_, expired := minted(t, k, -time.Minute)
	gone, revoked := minted(t, k, time.Hour)
	gone.Revoked = true
	k.put(t, gone)
	other, _ := access.NewKeyring([]byte(strings.Repeat("x", 32)))
	row, foreign := other.Mint(tables.Token{Team: "billing", CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)})
	k.put(t, row)
	g := access.NewGuard(k, keyring(t), nil)
	var who access.Principal
	h := g.Wrap(nothingOpen, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { who, _ = access.From(r.Context()) }))
	wrong := good[:len(good)-1] + map[bool]string{true: "A", false: "B"}[good[len(good)-1] != 'A']
	for name, c := range map[string]struct {
		header []string
		status int
		code   string
	}{
		"good":              {[]string{"Bearer " + good}, 200, ""},
		"scheme in capital": {[]string{"BEARER " + good}, 200, ""},
		"none":              {nil, 401, "TOKEN_MISSING"},
		"two":               {[]string{"Bearer " + good, "Bearer " + good}, 401, "INVALID_TOKEN"},
		"basic":             {[]string{"Basic " + good}, 401, "INVALID_TOKEN"},
		"no scheme":         {[]string{good}, 401, "INVALID_TOKEN"},
		"wrong secret":      {[]string{"Bearer " + wrong}, 401, "INVALID_TOKEN"},
		"unknown id":        {[]string{"Bearer pf_" + strings.Repeat("0", 20) + good[23:]}, 401, "INVALID_TOKEN"},
		"cut off":           {[]string{"Bearer " + good[:40]}, 401, "INVALID_TOKEN"},
		"too long":          {[]string{"Bearer " + good + strings.Repeat("A", 20000)}, 401, "INVALID_TOKEN"},
		"expired":           {[]string{"Bearer " + expired}, 401, "INVALID_TOKEN"},
		"revoked":           {[]string{"Bearer " + revoked}, 401, "INVALID_TOKEN"},
		"other deployment":  {[]string{"Bearer " + foreign}, 401, "INVALID_TOKEN"},
		"JWT without OIDC":  {[]string{"Bearer eyJhbGciOiJub25lIn0.e30."}, 401, "INVALID_TOKEN"},
	} {
		r, w := request(""), httptest.NewRecorder()
		r.Header["Authorization"] = c.header
		who = access.Principal{}
		h.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.code) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if c.status == 200 {
			if who.Team != "billing" || !who.MayRead("claim-status") || who.MayRead("grace-periods") {
				t.Errorf("%s: %+v", name, who)
			}
			continue
		}
		if who.Team != "" || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: let in as %+v, challenge %q", name, who, w.Header().Get("WWW-Authenticate"))
		}
		for _, h := range c.header {
			if strings.Contains(w.Body.String(), h[len(h)-10:]) {
				t.Errorf("%s: the answer repeats the token", name)
			}
		}
	}
}

func TestStaleRulesLetNobodyIn(t *testing.T) {
	k := newKnown()
	_, good := minted(t, k, time.Hour)
	k.fail(topology.ErrUnavailable)
	for name, g := range map[string]*access.Guard{"stale": access.NewGuard(k, keyring(t), nil), "none": nil} {
		w := httptest.NewRecorder()
		g.Wrap(nothingOpen, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("let in") })).ServeHTTP(w, request(good))
		if w.Code != 503 || w.Header().Get("Retry-After") == "" || g.Ready() == nil {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// TestStreamsEnd opens a stream for each way in which a token ends.
func TestStreamsEnd(t *testing.T) {
	for name, end := range map[string]func(*known, tables.Token){
		"revoked":  func(k *known, row tables.Token) { row.Revoked = true; k.put(t, row) },
		"narrowed": func(k *known, row tables.Token) { row.Scopes = tables.Scopes{}; k.put(t, row) },
		"stale":    func(k *known, _ tables.Token) { k.fail(topology.ErrUnavailable) },
		"expired":  func(*known, tables.Token) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKnown()
			valid := time.Hour
			if name == "expired" {
				valid = 4 * time.Second // and streams open before it is over
			}
			row, good := minted(t, k, valid)
			_, bystander := minted(t, k, time.Hour)
			g := access.NewGuard(k, keyring(t), nil)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() { _ = g.Run(ctx) }()
			open, ended := make(chan struct{}, 2), make(chan string, 2)
			h := g.Wrap(nothingOpen, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				open <- struct{}{}
				<-r.Context().Done()
				p, _ := access.From(r.Context())
				ended <- p.Token
			}))
			aside, leave := context.WithCancel(t.Context())
			defer leave()
			go h.ServeHTTP(httptest.NewRecorder(), request(good).WithContext(aside))
			go h.ServeHTTP(httptest.NewRecorder(), request(bystander).WithContext(aside))
			<-open
			<-open
			over := time.Now()
			if name == "expired" {
				over = row.ExpiresAt
			}
			end(k, row)
			select {
			case who := <-ended:
				if name != "stale" && who != row.ID {
					t.Error("another's stream ended")
				}
			case <-time.After(time.Until(over) + 2*time.Second):
				t.Fatal("the stream goes on")
			}
			t.Logf("ended %s after its time", time.Since(over))
		})
	}
}

func TestSecretFile(t *testing.T) {
	if _, err := access.NewKeyring(make([]byte, access.MinSecret-1)); err == nil {
		t.Error("a short secret is taken")
	}
	a, b := keyring(t), keyring(t)
	row, text := a.Mint(tables.Token{})
	if !b.Holds(text, row) || b.Holds(text, tables.Token{ID: row.ID}) || b.Holds("", tables.Token{}) || strings.Contains(text, row.Hash) {
		t.Error("a token is its row's alone")
	}
}

func TestPatternsWithinScopes(t *testing.T) {
	p := access.Principal{Scopes: tables.Scopes{Subscribe: []string{"CLAIM_*", "ENROLLMENT_*_CHANGED", "INVOICE_GENERATED"}}}
	for pattern, want := range map[string]bool{
		"CLAIM_SUBMITTED": true, "CLAIM_*": true, "CLAIM_*_*": true, "CLAIM_P*": true, "INVOICE_GENERATED": true, "ENROLLMENT_PLAN_CHANGED": true, "ENROLLMENT_*N_CHANGED": true,
		"*": false, "CLAIM*": false, "*CLAIM_": false, "INVOICE_*": false, "C*": false, "ENROLLMENT_*": false, "CLAIM_?": false, "CLAIM_[A]": false, "": false,
	} {
		if got := access.Covers(p.Scopes.Subscribe, pattern); got != want {
			t.Errorf("%s: %v", pattern, got)
		}
	}
	if access.Covers([]string{"CLAIM_?", "[C]LAIM_*", `\*`}, "CLAIM_*") {
		t.Error("a scope with other characters than those of patterns covers something")
	}
}

func TestRulesOfAllTeamsAreNamed(t *testing.T) {
	for scope, want := range map[string]bool{"*": false, "mediator-*": false, "mediator-rules": true} {
		if got := (access.Principal{Scopes: tables.Scopes{Read: []string{scope}}}).MayRead("mediator-rules"); got != want {
			t.Errorf("%s: %v", scope, got)
		}
	}
}

var errAway = errors.New("away")

type issuer struct{ err error }

func (i issuer) Check(context.Context, string) (access.Principal, time.Time, error) {
	return access.Principal{Team: "billing"}, time.Now().Add(time.Hour), i.err
}

func TestIssuerAway(t *testing.T) {
	for err, want := range map[error]int{access.ErrIssuerAway: 503, errAway: 401} {
		w := httptest.NewRecorder()
		access.NewGuard(newKnown(), keyring(t), issuer{err}).Wrap(nothingOpen, http.NotFoundHandler()).ServeHTTP(w, request("a.b.c"))
		if w.Code != want {
			t.Errorf("%v: %d", err, w.Code)
		}
	}
}

// TestNothingTellsWhichIDsExist: an id that is not there, and one that is with
// another secret, get the same answer.
func TestNothingTellsWhichIDsExist(t *testing.T) {
	k := newKnown()
	_, good := minted(t, k, time.Hour)
	_, other := minted(t, k, time.Hour)
	h := access.NewGuard(k, keyring(t), nil).Wrap(nothingOpen, http.NotFoundHandler())
	var answers []string
	for _, token := range []string{other[:23] + good[23:], "pf_" + strings.Repeat("0", 20) + good[23:]} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(token))
		answers = append(answers, w.Result().Status+w.Header().Get("WWW-Authenticate")+w.Body.String())
	}
	if answers[0] != answers[1] || !strings.HasPrefix(answers[0], "401") {
		t.Errorf("%q", answers)
	}
}

func FuzzAuthorization(f *testing.F) {
	k := newKnown()
	_, good := minted(f, k, time.Hour)
	h := access.NewGuard(k, keyring(f), nil).Wrap(nothingOpen, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	f.Add("Bearer " + good[:len(good)-1])
	f.Add("Bearer pf__")
	f.Add("bearer  pf_0_0")
	f.Fuzz(func(t *testing.T, header string) {
		r := request("")
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if _, text, _ := strings.Cut(header, " "); w.Code != http.StatusUnauthorized && text != good {
			t.Errorf("%q opens: %d", header, w.Code)
		}
	})
}
