package verify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
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

const askTimeout = 30 * time.Second

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
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("%s/v1/views/%s/batch?synthetic=%t", a.Base, view, synthetic), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if a.Token != "" {
		req.Header.Set("Authorization", "Bearer "+a.Token)
	}
	resp, err := cmp.Or(a.client, http.DefaultClient).Do(req)
	if err != nil {
		return nil, fmt.Errorf("no server answers at %s", a.Base)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("the answer of %s broke off", a.Base)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s to a batch of %s", a.Base, resp.Status, view)
	}
	var out struct {
		Rows []answer `json:"rows"`
	}
	if err := json.Unmarshal(text, &out); err != nil || len(out.Rows) != len(keys) {
		return nil, fmt.Errorf("%s does not answer each key of a batch of %s", a.Base, view)
	}
	return out.Rows, nil
}
