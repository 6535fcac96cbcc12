package verify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Answers asks a server for rows, as a reader does.
type Answers struct {
	Base  string // of its HTTP surface
	Token string
	Most  int // rows of a view that are asked for; more are a sample by the hash of their keys. 0: all
	rows  map[string]int64

	client *http.Client // nil: the default
}

// answer is what a batch has for one key.
type answer struct {
	Status int `json:"status"`
	Row    struct {
		Value json.RawMessage `json:"value"`
	} `json:"row"`
}

const (
	askTimeout = 30 * time.Second
	askAgain   = 500 * time.Millisecond
)

// asks says whether a row is asked for.
func (a *Answers) asks(view, key string) bool {
	if a.rows == nil {
		a.rows = map[string]int64{}
	}
	a.rows[view]++
	if a.Most == 0 || a.rows[view] <= int64(a.Most) {
		return true
	}
	return hashOf(key)%1024 < 1024*uint64(a.Most)/uint64(a.rows[view])/4
}

func (a *Answers) batch(ctx context.Context, view string, keys []string, synthetic bool) ([]answer, error) {
	body, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		return nil, err
	}
	var out struct {
		Rows []answer `json:"rows"`
	}
	err = a.ask(ctx, http.MethodPost, view, "/batch", url.Values{"synthetic": {strconv.FormatBool(synthetic)}}, body, &out)
	if err == nil && len(out.Rows) != len(keys) {
		err = fmt.Errorf("%s does not answer each key of a batch of %s", a.Base, view)
	}
	return out.Rows, err
}

// list pages through the rows under a key.
func (a *Answers) list(ctx context.Context, view, key string, synthetic bool) (values []json.RawMessage, err error) {
	query := url.Values{"synthetic": {strconv.FormatBool(synthetic)}, "limit": {"1000"}}
	for {
		var out struct {
			Rows []struct {
				Value json.RawMessage `json:"value"`
			} `json:"rows"`
			Next string `json:"next"`
		}
		if err := a.ask(ctx, http.MethodGet, view, "/"+url.PathEscape(key), query, nil, &out); err != nil {
			return nil, err
		}
		for _, row := range out.Rows {
			values = append(values, row.Value)
		}
		if out.Next == "" {
			return values, nil
		}
		query.Set("cursor", out.Next)
	}
}

// ask puts a question about a view, again while the server is busy or a
// partition moves. Errors name no key.
func (a *Answers) ask(ctx context.Context, method, view, below string, query url.Values, body []byte, out any) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		busy, err := a.askOnce(ctx, method, view, below, query, body, out)
		if err != nil && !busy {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(askAgain)), backoff.WithMaxElapsedTime(askTimeout))
	return err
}

func (a *Answers) askOnce(ctx context.Context, method, view, below string, query url.Values, body []byte, out any) (busy bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, a.Base+"/v1/views/"+view+below+"?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("%s cannot be asked about %s", a.Base, view)
	}
	req.Header.Set("Content-Type", "application/json")
	if a.Token != "" {
		req.Header.Set("Authorization", "Bearer "+a.Token)
	}
	resp, err := cmp.Or(a.client, http.DefaultClient).Do(req)
	if err != nil {
		return false, fmt.Errorf("no server answers at %s", a.Base)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return false, fmt.Errorf("the answer of %s broke off", a.Base)
	}
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode == http.StatusServiceUnavailable, fmt.Errorf("%s answers %s when it is asked about %s", a.Base, resp.Status, view)
	}
	if json.Unmarshal(text, out) != nil {
		return false, fmt.Errorf("what %s answers about %s is no page of rows", a.Base, view)
	}
	return false, nil
}
