package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/audit"
	"payerflow/internal/topology"
)

type batchInput struct {
	Synthetic bool `query:"synthetic" doc:"Read the rows of synthetic events instead"`
	Body      struct {
		Keys []string `json:"keys" minItems:"1" maxItems:"1000" doc:"Keys of rows, each up to 1024 bytes"`
	}
}

// Batch is what a batch has for each key, in the order of the keys.
type Batch struct {
	Rows     []BatchRow `json:"rows"`
	Position string     `json:"position,omitempty" doc:"Token for min_position: stands for what these answers hold"`
}

// BatchRow is a row, or why there is none.
type BatchRow struct {
	Status  int      `json:"status" doc:"As GET of the one row would have"`
	Row     *Answer  `json:"row,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
}

type batchOutput struct{ Body Batch }

// registerBatch serves the rows of many keys, with one question to each worker
// that has some of them.
func (s *surface) registerBatch(api huma.API, v topology.Served) {
	huma.Register(api, huma.Operation{
		OperationID: "batch-" + v.Name, Method: http.MethodPost, Path: "/v1/views/" + v.Name + "/batch", Tags: []string{"views"},
		Summary: "Read rows of " + v.Name + " by their " + v.Key, Description: v.Doc + " Each worker that has some of them is asked once.", Errors: append([]int{http.StatusRequestEntityTooLarge}, viewFaults...), Parameters: freshness(),
		Middlewares: s.reading(v, "view.list"), MaxBodyBytes: 2 << 20,
	}, func(ctx context.Context, in *batchInput) (*batchOutput, error) {
		v := now(ctx, v)
		mask, err := s.sight(ctx, v)
		if err != nil {
			return nil, err
		}
		for _, key := range in.Body.Keys {
			if len(key) > maxKey {
				return nil, badParameter("body.keys", "each key up to 1024 bytes")
			}
		}
		out := &batchOutput{}
		var shown []string
		var answers []topology.Answer
		for i, got := range s.views.Batch(ctx, v.Name, in.Body.Keys, in.Synthetic) {
			if got.Err != nil {
				p := problemOf(got.Err)
				out.Body.Rows = append(out.Body.Rows, BatchRow{Status: p.Status, Problem: p})
				continue
			}
			row, err := answer(v, got.Answer, mask)
			if err != nil {
				return nil, err
			}
			row.Key = in.Body.Keys[i] // who asks by a key has it
			out.Body.Rows = append(out.Body.Rows, BatchRow{Status: http.StatusOK, Row: &row})
			shown, answers = append(shown, in.Body.Keys[i]), append(answers, got.Answer)
		}
		audit.Shows(ctx, len(shown), shown...)
		out.Body.Position = positionToken(v, answers...)
		return out, nil
	})
}

const maxKey = 1024
