package portal_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"payerflow/api/access"
	"payerflow/internal/stage"
)

// issuer is an OpenID provider that lets everybody in as one of team care, and
// holds clients to PKCE.
type issuer struct {
	*httptest.Server
	key    *rsa.PrivateKey
	asked  url.Values // of the last authorization request
	change func(claims map[string]any)
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	stage.Must(t, err)
	mux := http.NewServeMux()
	i := &issuer{Server: httptest.NewServer(mux), key: key}
	t.Cleanup(i.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys", "authorization_endpoint": i.URL + "/authorize",
			"token_endpoint": i.URL + "/token", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		i.asked = r.URL.Query()
		back := i.asked.Get("redirect_uri") + "?" + url.Values{"code": {"c0de"}, "state": {i.asked.Get("state")}}.Encode()
		http.Redirect(w, r, back, http.StatusFound)
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if r.FormValue("code") != "c0de" || base64.RawURLEncoding.EncodeToString(sum[:]) != i.asked.Get("code_challenge") || i.asked.Get("code_challenge_method") != "S256" {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		claims := map[string]any{"iss": i.URL, "aud": "payerflow", "sub": "u1", "team": "care", "scope": "read:claim-status", "nonce": i.asked.Get("nonce"),
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
		if i.change != nil {
			i.change(claims)
		}
		answer(w, map[string]any{"access_token": "opaque", "token_type": "Bearer", "expires_in": 3600, "id_token": i.sign(t, claims)})
	})
	return i
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (i *issuer) sign(t *testing.T, claims map[string]any) string {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: i.key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	stage.Must(t, err)
	b, err := json.Marshal(claims)
	stage.Must(t, err)
	j, err := s.Sign(b)
	stage.Must(t, err)
	text, err := j.CompactSerialize()
	stage.Must(t, err)
	return text
}

// withIssuer is a desk where one signs in at a provider, and a browser.
func withIssuer(t *testing.T, i *issuer) (desk, *http.Client) {
	t.Helper()
	provider := access.NewProvider(access.OIDC{Issuer: i.URL, Audience: "payerflow", TeamClaim: "team", ScopesClaim: "scope"}, nil)
	front := httptest.NewUnstartedServer(nil) // its address is known before it serves
	at := "http://" + front.Listener.Addr().String()
	signIn := access.NewSignIn(provider, access.SignInClient{ID: "payerflow", Redirect: at + "/portal/sign-in/oidc/return", Scopes: []string{"openid"}})
	d := newDesk(t, func(s *stage.Stage) *access.Guard {
		g := access.NewGuard(s.Control, s.Keys, provider).Audit(s.Trail)
		s.Run(g.Run)
		return g
	}, signIn)
	front.Config.Handler = d.handler
	front.Start()
	t.Cleanup(front.Close)
	d.URL = front.URL
	jar, err := cookiejar.New(nil)
	stage.Must(t, err)
	return d, &http.Client{Jar: jar}
}

// visit goes to an address as a browser does, and says where it ended.
func visit(t *testing.T, browser *http.Client, address string) *url.URL {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	stage.Must(t, err)
	r, err := browser.Do(req)
	stage.Must(t, err)
	stage.Must(t, r.Body.Close())
	return r.Request.URL
}

func (d desk) team(browser *http.Client) string {
	req, err := http.NewRequestWithContext(d.Context(), http.MethodGet, d.URL+"/portal/session", nil)
	stage.Must(d, err)
	req.Header.Set(inPortal, "1")
	r, err := browser.Do(req)
	stage.Must(d, err)
	defer func() { _ = r.Body.Close() }()
	var who struct{ Team string }
	stage.Must(d, json.NewDecoder(r.Body).Decode(&who))
	return who.Team
}

func TestSignInAtAProvider(t *testing.T) {
	d, browser := withIssuer(t, newIssuer(t))
	to := visit(t, browser, d.URL+"/portal/sign-in/oidc?to="+url.QueryEscape("/portal/claims?status=DENIED"))
	if to.Path != "/portal/claims" || to.RawQuery != "status=DENIED" || d.team(browser) != "care" {
		t.Errorf("%s, team %q", to, d.team(browser))
	}
}

func TestSignInThatIsNoneEndsAtTheSignIn(t *testing.T) {
	for name, try := range map[string]struct {
		change func(map[string]any)
		to     string
		code   string
	}{
		"of another sign-in": {func(c map[string]any) { c["nonce"] = "x" }, "", "SIGN_IN_FAILED"},
		"no team":            {func(c map[string]any) { delete(c, "team") }, "", "SIGN_IN_FAILED"},
		"another audience":   {func(c map[string]any) { c["aud"] = "else" }, "", "SIGN_IN_FAILED"},
		"too long":           {func(c map[string]any) { c["groups"] = strings.Repeat("g", 4000) }, "", "TOKEN_TOO_LONG"},
		"to another site":    {nil, "https://elsewhere.example/portal/", ""},
		"to another host":    {nil, "//elsewhere.example/portal/", ""},
		"by a backslash":     {nil, `/portal/\\elsewhere.example`, ""},
	} {
		i := newIssuer(t)
		i.change = try.change
		d, browser := withIssuer(t, i)
		to := visit(t, browser, d.URL+"/portal/sign-in/oidc?to="+url.QueryEscape(try.to))
		if !strings.HasPrefix(to.String(), d.URL+"/portal/") || to.Query().Get("failed") != try.code {
			t.Errorf("%s: %s", name, to)
		}
		if want := map[bool]string{true: "care"}[try.code == ""]; d.team(browser) != want {
			t.Errorf("%s: signed in as %q", name, d.team(browser))
		}
	}
}

// TestAReturnThatNobodyBegan: a code that another browser got, or with another
// state, makes no session here.
func TestAReturnThatNobodyBegan(t *testing.T) {
	i := newIssuer(t)
	d, browser := withIssuer(t, i)
	to := visit(t, browser, d.URL+"/portal/sign-in/oidc/return?code=c0de&state=x")
	if to.Query().Get("failed") != "SIGN_IN_EXPIRED" || d.team(browser) != "" {
		t.Errorf("%s", to)
	}
	i.Close()
	if to := visit(t, browser, d.URL+"/portal/sign-in/oidc"); to.Query().Get("failed") != "ISSUER_AWAY" {
		t.Errorf("%s", to)
	}
}
