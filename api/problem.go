package api

import (
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/problem"
	"payerflow/internal/topology"
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

// problemOf says what went wrong with the read of a view.
func problemOf(err error) *Problem {
	var away *topology.AwayError
	switch {
	case errors.Is(err, topology.ErrNotFound):
		return problem.New(http.StatusNotFound, "ROW_NOT_FOUND", "the view has no row with this key")
	case errors.Is(err, topology.ErrNoView):
		return problem.New(http.StatusNotFound, "VIEW_NOT_FOUND", "there is no such view; GET /v1/views lists them")
	case errors.Is(err, topology.ErrNoPosition):
		return problem.New(http.StatusUnprocessableEntity, "POSITION_GONE", "min_position is of a table that was made anew since; ask without it")
	case errors.As(err, &away):
		p := awayProblem(away.Err)
		p.Partition, p.RetryAfter = &away.Partition, 1
		return p
	}
	return problem.New(http.StatusInternalServerError, "INTERNAL", "the row could not be read")
}

// awayProblem says why nobody answers for a partition.
func awayProblem(err error) *Problem {
	switch {
	case errors.Is(err, topology.ErrSwitching):
		return problem.New(http.StatusServiceUnavailable, "SWITCHING", "the view is being switched to another version; try again")
	case errors.Is(err, topology.ErrRestoring):
		return problem.New(http.StatusServiceUnavailable, "RESTORING", "the partition is being assigned or restored; try again, or allow an older copy with max_staleness")
	case errors.Is(err, topology.ErrTooStale):
		return problem.New(http.StatusServiceUnavailable, "TOO_STALE", "no copy of the partition is as fresh as is asked for; try again, or allow more with max_staleness")
	case errors.Is(err, topology.ErrNotReached):
		where := "the worker has not folded it yet"
		if at, ok := errors.AsType[*topology.NotReachedError](err); ok {
			where = at.Error()
		}
		return problem.New(http.StatusGatewayTimeout, "POSITION_NOT_REACHED", "the rows do not hold min_position yet: "+where+"; ask again with the same, or wait longer")
	}
	return problem.New(http.StatusServiceUnavailable, "PARTITION_AWAY", "no worker answers for the partition now; try again, or allow an older copy with max_staleness")
}
