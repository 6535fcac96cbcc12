package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/problem"
)

// Problem is the body of every error.
type Problem = problem.Problem

// Detail is one fault of a request.
type Detail = problem.Detail

// fromHuma turns the framework's validation errors into a Problem. The
// offending values that they carry stay behind.
func fromHuma(status int, msg string, errs ...error) huma.StatusError {
	p := problem.New(status, "INVALID_REQUEST", msg)
	for _, err := range errs {
		if d, ok := err.(huma.ErrorDetailer); ok {
			p.Errors = append(p.Errors, Detail{Pointer: d.ErrorDetail().Location, Message: d.ErrorDetail().Message})
		}
	}
	return p
}

func writeProblem(w http.ResponseWriter, p *Problem) { p.Write(w) }
