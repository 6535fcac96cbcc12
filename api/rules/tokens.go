package rules

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/api/problem"
	"payerflow/processors"
	"payerflow/tables"
)

// Bounds of a token's life.
const (
	defaultLife = 90 * 24 * time.Hour
	longestLife = 5 * 366 * 24 * time.Hour
)

func (d *Door) tokens() resource[tables.Token] {
	return resource[tables.Token]{
		kind: tables.KindToken, noun: "token", path: "/v1/tokens", one: "/{name}", tag: "tokens",
		id: func(t tables.Token) string { return t.ID }, find: (*processors.Rules).Token, all: (*processors.Rules).Tokens,
		shown: func(c caller, t tables.Token) (tables.Token, bool) {
			t.Hash = ""
			return t, c.Scopes.Admin || t.ID == c.Token
		},
		may: func(c caller, _ tables.Token) error {
			if c.Scopes.Admin {
				return nil
			}
			return access.Forbidden("tokens are made and revoked by administrators")
		},
		says: func(t tables.Token) []string { return []string{t.ID, t.Team, t.Application} },
	}
}

// NewToken is what a token is to be.
type NewToken struct {
	Team        string        `json:"team" minLength:"1" maxLength:"60"`
	Application string        `json:"application,omitempty" maxLength:"60" doc:"One application of the team; what it may see may be more than the team's"`
	Scopes      tables.Scopes `json:"scopes"`
	ExpiresAt   time.Time     `json:"expiresAt,omitzero" doc:"Default: in 90 days; at most five years"`
}

// MadeToken is a token with its text, which is shown this once.
type MadeToken struct {
	Token string `json:"token" doc:"pf_<id>_<secret>; nobody can show it again"`
	Row[tables.Token]
}

type madeTokenOutput struct {
	Cache string `header:"Cache-Control"`
	Body  MadeToken
}

func (d *Door) registerTokens(api huma.API) {
	r := d.tokens()
	list(d, api, r)
	get(d, api, r)
	op := r.operation(http.MethodPost, r.path, "make", "Make a token; its text is shown this once")
	op.DefaultStatus = http.StatusCreated
	huma.Register(api, op, func(ctx context.Context, in *struct {
		Why  string `query:"why" maxLength:"500" doc:"Reason, kept in the log"`
		Body NewToken
	}) (*madeTokenOutput, error) {
		c, err := d.who(ctx, "")
		if err == nil {
			err = r.may(c, tables.Token{})
		}
		if err != nil {
			return nil, err
		}
		return d.makeToken(ctx, r, c, in.Body, in.Why)
	})
	turn(d, api, r, "revoke", "Revoke a token: requests with it are refused at once, and streams end within 2 s", func(t *tables.Token) { t.Revoked = true })
}

func (d *Door) makeToken(ctx context.Context, r resource[tables.Token], c caller, in NewToken, why string) (*madeTokenOutput, error) {
	created := time.Now().UTC().Truncate(time.Second)
	if in.ExpiresAt.IsZero() {
		in.ExpiresAt = created.Add(defaultLife)
	}
	if in.ExpiresAt.After(created.Add(longestLife)) {
		p := problem.New(http.StatusUnprocessableEntity, "INVALID_REQUEST", "a token lives five years at most")
		p.Errors = []problem.Detail{{Pointer: "/expiresAt", Message: "at most five years from now"}}
		return nil, p
	}
	row, text := d.Keys.Mint(tables.Token{Team: in.Team, Application: in.Application, Scopes: in.Scopes, CreatedAt: created, ExpiresAt: in.ExpiresAt})
	c.id = row.ID
	out, err := r.write(ctx, d, c, row, 1, why)
	if err != nil {
		return nil, err
	}
	return &madeTokenOutput{Cache: "no-store", Body: MadeToken{Token: text, Row: out.Body}}, nil
}
