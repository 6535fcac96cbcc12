package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payerflow/api"
)

const (
	tokenEnv   = "PAYERFLOW_TOKEN"
	askTimeout = 30 * time.Second
)

// question is a request to a server.
type question struct {
	role   string // of the demonstration's tokens, where no token is given
	base   string // --url
	method string
	path   string
	query  url.Values
	match  string // If-Match
	body   any    // sent as JSON; nil: none
}

func urlFlag(cmd *cobra.Command) *string {
	return cmd.PersistentFlags().String("url", "", "server to ask (default: http.addr of the configuration)")
}

// ask reads JSON from the server with a token that may read.
func (a *app) ask(ctx context.Context, base, path string, q url.Values, into any) error {
	_, err := a.call(ctx, question{role: roleReader, base: base, method: http.MethodGet, path: path, query: q}, into)
	return err
}

// call asks, reads the answer as JSON, and turns problem details into an
// error. It returns the answer's headers.
func (a *app) call(ctx context.Context, q question, into any) (http.Header, error) {
	req, err := a.request(ctx, q)
	if err != nil {
		return nil, err
	}
	base := req.URL.Scheme + "://" + req.URL.Host
	client := &http.Client{Timeout: askTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return nil, coded(exitUnavailable, fmt.Errorf("no server answers at %s (is it running? see --url)", base))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, coded(exitUnavailable, fmt.Errorf("the answer of %s broke off: %w", base, err))
	}
	switch {
	case resp.StatusCode >= http.StatusBadRequest:
		return resp.Header, refusal(base, resp, body)
	case into == nil || len(body) == 0:
		return resp.Header, nil
	}
	return resp.Header, json.Unmarshal(body, into)
}

func (a *app) request(ctx context.Context, q question) (*http.Request, error) {
	if q.base == "" {
		q.base = "http://" + a.cfg.HTTP.Addr
	}
	var body io.Reader
	if q.body != nil {
		b, err := json.Marshal(q.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, strings.TrimSuffix(q.base, "/")+q.path+"?"+q.query.Encode(), body)
	if err != nil || req.URL.Host == "" {
		return nil, coded(exitUsage, errors.New("--url is not an address like http://127.0.0.1:8080"))
	}
	token, err := a.token(q.role, req.URL.Hostname())
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if q.match != "" {
		req.Header.Set("If-Match", q.match)
	}
	return req, nil
}

// token is the one that was given, or on this machine the demonstration's of a
// role.
func (a *app) token(role, host string) (string, error) {
	if a.tokenFlag != "" {
		return a.tokenFlag, nil
	}
	for _, e := range a.environ {
		if t, ok := strings.CutPrefix(e, tokenEnv+"="); ok && t != "" {
			return t, nil
		}
	}
	if !loopback(host) {
		return "", nil
	}
	c, err := readCredentials(a.cfg.Engine.DataDir)
	return c.Tokens[role], err
}

// refusal makes an error of an answer that is one.
func refusal(base string, resp *http.Response, body []byte) error {
	var p api.Problem
	if err := json.Unmarshal(body, &p); err != nil || p.Code == "" {
		return fmt.Errorf("%s answers %s", base, resp.Status)
	}
	var err error = &p
	if len(p.Errors) > 0 {
		var text strings.Builder
		for _, e := range p.Errors {
			fmt.Fprintf(&text, "\n  %s: %s", strings.TrimSpace(e.Code+" "+e.Pointer), e.Message)
		}
		err = fmt.Errorf("%w%s", &p, text.String())
	}
	code := exitFailed
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		err = fmt.Errorf("%w (a token is given with --token or %s; on the demonstration's machine it is found in --data-dir)", err, tokenEnv)
	case http.StatusNotFound:
		code = exitNotFound
	case http.StatusServiceUnavailable, http.StatusMisdirectedRequest:
		code = exitUnavailable
	}
	return coded(code, err)
}
