// Package client answers: how does a Go program read views, and follow them?
//
// It knows the HTTP surface alone. Any worker answers for any key, so that one
// address, or that of a load balancer, is enough.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client reads views as the holder of a token. It is safe for concurrent use.
type Client struct {
	base, token string
	http        *http.Client
	silence     time.Duration
}

// Options are what a client may be told.
type Options struct {
	Token string       // pf_…, or a token of the OpenID provider
	HTTP  *http.Client // nil: one without a timeout; contexts bound each call
	// Silence is how long a watch may be without a sign of life before it is
	// resumed; 0: 45 s, three times what servers let pass.
	Silence time.Duration
}

// New makes a client of the server at base: http://host:port.
func New(base string, o Options) *Client {
	return &Client{base: strings.TrimSuffix(base, "/"), token: o.Token, http: cmp.Or(o.HTTP, &http.Client{}), silence: cmp.Or(o.Silence, 45*time.Second)}
}

// Problem is an answer that is none: RFC 9457.
type Problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// Passes says whether the same request may be answered soon.
func (p *Problem) Passes() bool {
	return p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests || p.Status == http.StatusGatewayTimeout
}

// Row is one row of a view. A class that the token may not see stands as
// ***REDACTED*** in its fields: T must be able to hold that.
type Row[T any] struct {
	View     string   `json:"view"`
	Key      string   `json:"key"`
	Value    T        `json:"value"`
	Withheld []string `json:"withheld"`
	Stale    bool     `json:"stale"`
	Position string   `json:"position"` // for Ask.AtLeast
}

// Ask is what a reader asks of an answer. The zero value asks nothing.
type Ask struct {
	AtLeast   []string      // tokens of publishes or of earlier answers: the answer holds what they stand for
	Wait      time.Duration // for that; 0: 2 s
	Staleness time.Duration // that an answer may have; 0: what the deployment allows
	Synthetic bool          // of synthetic events
}

func (a Ask) query() url.Values {
	q := url.Values{}
	for _, t := range a.AtLeast {
		q.Add("min_position", t)
	}
	if a.Wait > 0 {
		q.Set("wait", a.Wait.String())
	}
	if a.Staleness > 0 {
		q.Set("max_staleness", a.Staleness.String())
	}
	if a.Synthetic {
		q.Set("synthetic", strconv.FormatBool(true))
	}
	return q
}

func rowPath(view, key string) string {
	return "/v1/views/" + url.PathEscape(view) + "/" + url.PathEscape(key)
}

func (c *Client) request(ctx context.Context, method, path string, q url.Values, body any) (*http.Request, error) {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path+"?"+q.Encode(), in)
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

func (c *Client) call(ctx context.Context, method, path string, q url.Values, body, into any) error {
	req, err := c.request(ctx, method, path, q, body)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", req.URL.Host, withoutURL(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return problemOf(resp)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// withoutURL takes the path away: it has a key.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

const maxProblem = 1 << 20

func problemOf(resp *http.Response) error {
	p := &Problem{}
	if json.NewDecoder(io.LimitReader(resp.Body, maxProblem)).Decode(p) != nil || p.Code == "" {
		p = &Problem{Code: "HTTP_" + strconv.Itoa(resp.StatusCode), Detail: http.StatusText(resp.StatusCode)}
	}
	p.Status = resp.StatusCode
	return p
}
