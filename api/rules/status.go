package rules

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/processors"
)

// WorkerState is which rules one worker has applied.
type WorkerState struct {
	Worker  string                   `json:"worker" doc:"HTTP address"`
	Offset  int64                    `json:"offset" doc:"Next offset of the control log"`
	Hash    string                   `json:"hash" doc:"Routing hash: equal where the same rules are in force"`
	Shadows []processors.ShadowCount `json:"shadows,omitempty" doc:"What rows in shadow mode, of teams that the token acts for, counted on this worker"`
	Problem string                   `json:"problem,omitempty" doc:"Why the worker did not say"`
}

// RulesStatus is which rules all workers have applied.
type RulesStatus struct {
	Workers []WorkerState `json:"workers"`
	Same    bool          `json:"same" doc:"All have applied the same rules"`
}

type statusInput struct {
	Name          string `query:"name" maxLength:"250" doc:"Only this rule or subscription of those in shadow mode"`
	Authorization string `header:"Authorization" hidden:"true"`
}

// askWorkers bounds what one worker may take to answer.
const askWorkers = 5 * time.Second

func (d *Door) registerStatus(api huma.API) {
	op := huma.Operation{Method: http.MethodGet, Tags: []string{"changes"}, Errors: []int{401, 503}}
	op.OperationID, op.Path, op.Summary = "rules-state", "/v1/rules/state", "Which rules this worker has applied"
	huma.Register(api, op, func(ctx context.Context, in *statusInput) (*struct{ Body WorkerState }, error) {
		c, err := d.who(ctx, "")
		if err != nil {
			return nil, err
		}
		return &struct{ Body WorkerState }{d.state(c, in.Name)}, nil
	})
	op.OperationID, op.Path, op.Summary = "rules-status", "/v1/rules/status", "Which rules every worker has applied"
	huma.Register(api, op, func(ctx context.Context, in *statusInput) (*struct{ Body RulesStatus }, error) {
		c, err := d.who(ctx, "")
		if err != nil {
			return nil, err
		}
		return &struct{ Body RulesStatus }{d.status(ctx, c, in)}, nil
	})
}

func (d *Door) state(c caller, name string) WorkerState {
	out := WorkerState{Worker: d.Worker, Offset: c.rules.Offset(), Hash: c.rules.RoutingHash()}
	if d.Shadows == nil {
		return out
	}
	for _, s := range d.Shadows.Of(c.rules) {
		if team, _, _ := strings.Cut(s.Name, "/"); c.Acts(team) && (name == "" || name == s.Name) {
			out.Shadows = append(out.Shadows, s)
		}
	}
	return out
}

// status asks all workers, with the caller's own token.
func (d *Door) status(ctx context.Context, c caller, in *statusInput) RulesStatus {
	own := d.state(c, in.Name)
	others := map[string]bool{}
	if d.Workers != nil {
		found, err := d.Workers(ctx)
		if err != nil {
			own.Problem = "the other workers are not known now"
		}
		others = found
	}
	states := []WorkerState{own}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, worker := range slices.Sorted(maps.Keys(others)) {
		if worker == d.Worker || worker == "" {
			continue
		}
		wg.Go(func() {
			s := stateOf(ctx, worker, in)
			mu.Lock()
			defer mu.Unlock()
			states = append(states, s)
		})
	}
	wg.Wait()
	slices.SortFunc(states, func(a, b WorkerState) int { return strings.Compare(a.Worker, b.Worker) })
	out := RulesStatus{Workers: states, Same: true}
	for _, s := range states {
		out.Same = out.Same && s.Problem == "" && s.Hash == own.Hash && s.Offset == own.Offset
	}
	return out
}

func stateOf(ctx context.Context, worker string, in *statusInput) WorkerState {
	s := WorkerState{Worker: worker, Problem: "no answer"}
	ctx, cancel := context.WithTimeout(ctx, askWorkers)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+worker+"/v1/rules/state?"+url.Values{"name": {in.Name}}.Encode(), nil)
	if err != nil {
		return s
	}
	req.Header.Set("Authorization", in.Authorization)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return s
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.Problem = resp.Status
		return s
	}
	var told WorkerState
	if json.NewDecoder(resp.Body).Decode(&told) == nil {
		told.Worker = worker
		return told
	}
	return s
}
