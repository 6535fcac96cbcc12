package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"payerflow/api/audit"
	"payerflow/api/problem"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
)

type exportInput struct {
	Accept    string   `header:"Accept" maxLength:"1024" doc:"text/csv, or application/x-ndjson, which is also meant by */*"`
	Limit     int      `query:"limit" default:"10000" minimum:"1" maximum:"100000" doc:"Most rows of this answer"`
	Cursor    string   `query:"cursor" maxLength:"128" doc:"Where to go on: Payerflow-Next of the answer before"`
	Where     string   `query:"where" maxLength:"4096" doc:"CEL over the fields of a row"`
	Fields    []string `query:"fields" maxItems:"100" doc:"These fields alone"`
	Synthetic bool     `query:"synthetic" doc:"The rows of synthetic events instead"`
}

// Trailers of an export: they come behind the last row.
const (
	nextTrailer = "Payerflow-Next" // where to go on, empty at the end
	rowsTrailer = "Payerflow-Rows" // of this answer
)

// exportStall is how long a client may take to read a page, unless the Options
// say otherwise. One that reads no more is put out.
const exportStall = 30 * time.Second

// registerExport streams rows, a page in memory at a time.
func (s *surface) registerExport(api huma.API, v topology.Served) {
	line := rowOf(api, v)["200"].Content["application/json"]
	huma.Register(api, huma.Operation{
		OperationID: "export-" + v.Name, Method: http.MethodGet, Path: "/v1/views/" + v.Name + "/export", Tags: []string{"views"},
		Summary:     "Stream rows of " + v.Name + " as CSV or NDJSON",
		Description: "Of all rows, whichever worker has them. The trailer Payerflow-Next says where to go on, and is empty at the end; Payerflow-Rows counts the rows. An answer without trailers is not whole. What the reader may see is looked at before each page: where it changes, the answer breaks off. Texts that a spreadsheet would take for a formula begin with an apostrophe in CSV.",
		Errors:      append([]int{http.StatusNotAcceptable}, viewFaults...), Parameters: freshness(), Middlewares: s.reading(v, "view.export"),
		Responses: map[string]*huma.Response{"200": {Description: "Rows", Content: map[string]*huma.MediaType{
			csvType: {Schema: &huma.Schema{Type: huma.TypeString}}, ndjsonType: line}}},
	}, func(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
		form, err := formOf(in.Accept)
		if err != nil {
			return nil, err
		}
		x, err := s.export(ctx, v, in)
		if err != nil {
			return nil, err
		}
		first, err := x.page(ctx)
		if err != nil {
			x.done()
			return nil, err
		}
		audit.Shows(ctx, len(first), keysOf(first)...)
		return &huma.StreamResponse{Body: func(hctx huma.Context) {
			defer x.done()
			_, w := humago.Unwrap(hctx)
			w.Header().Set("Content-Type", form.contentType())
			w.Header().Set("Content-Disposition", `attachment; filename="`+v.Name+form.extension()+`"`)
			w.Header().Set("Trailer", nextTrailer+", "+rowsTrailer)
			x.stream(ctx, w, form.open(w, x.columns(), in.Cursor == ""), first)
		}}, nil
	})
}

// exporting is one export under way.
type exporting struct {
	s     *surface
	v     topology.Served
	in    *exportInput
	query *processors.RowQuery
	sight string // what the reader sees
	about string
	from  *topology.Place // of the next page, nil at the end
	left  int             // rows
	rows  int
	began time.Time
	turns chan struct{}
}

func (x *exporting) done() { <-x.turns }

func (s *surface) export(ctx context.Context, v topology.Served, in *exportInput) (*exporting, error) {
	v = now(ctx, v)
	mask, err := s.sight(ctx, v)
	if err != nil {
		return nil, err
	}
	x := &exporting{s: s, v: v, in: in, sight: mask.ID(), left: in.Limit, began: time.Now(), turns: s.exports}
	x.about = cursorAbout("export", cursorOf(v), in.Synthetic, in.Where, strings.Join(in.Fields, ","), x.sight)
	from, err := s.openCursor(x.about, in.Cursor)
	if err != nil {
		return nil, err
	}
	x.from = &from
	if x.query, err = s.ask(v, Question{Where: in.Where, Fields: in.Fields}, mask); err != nil {
		return nil, err
	}
	return x, s.takes(ctx, s.exports)
}

// page reads the next rows, as many as are in memory at a time. It is empty
// where none of those that were looked at is wanted.
func (x *exporting) page(ctx context.Context) (rows []found, err error) {
	c := &scan{view: x.v.Name, synthetic: x.in.Synthetic, reach: reach{rows: x.s.bounds.chunk, time: x.s.bounds.whole.time, cost: x.s.bounds.whole.cost}, spent: x.query.Spent}
	most := min(x.left, x.s.bounds.chunk)
	err = x.s.each(ctx, c, *x.from, func(a topology.Answer) (bool, error) {
		if _, ok := x.query.Takes(a.Row); ok {
			rows = append(rows, found{Answer: a})
		}
		return len(rows) == most, nil
	})
	x.from = c.next
	x.left -= len(rows)
	return rows, err
}

// stream writes page after page. Each is written to the audit before it
// leaves, and what the reader may see is looked at anew. Where that cannot be,
// or has changed, the answer breaks off, as every client notices.
func (x *exporting) stream(ctx context.Context, w http.ResponseWriter, out rowWriter, page []found) {
	control := http.NewResponseController(w)
	for {
		_ = control.SetWriteDeadline(time.Now().Add(x.s.bounds.stall)) // where there is none, the connection is a test's
		for _, f := range page {
			a, err := answer(x.v, f.Answer, x.query.Mask())
			if err == nil {
				err = out.row(a)
			}
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			x.rows++
		}
		if out.flush() != nil || control.Flush() != nil || ctx.Err() != nil {
			panic(http.ErrAbortHandler)
		}
		if x.from == nil || x.left == 0 || x.over() {
			break
		}
		var err error
		if page, err = x.page(ctx); err != nil || !x.same(ctx) || x.record(ctx, page) != nil {
			panic(http.ErrAbortHandler)
		}
	}
	next := ""
	if x.from != nil {
		next = x.s.sealCursor(x.about, *x.from)
	}
	w.Header().Set(nextTrailer, next)
	w.Header().Set(rowsTrailer, strconv.Itoa(x.rows))
	_ = control.SetWriteDeadline(time.Time{})
}

// over says that the answer has gone on for long enough; next goes on.
func (x *exporting) over() bool { return time.Since(x.began) > 4*x.s.bounds.whole.time }

// same says whether the reader sees what was seen when the export began.
func (x *exporting) same(ctx context.Context) bool {
	mask, err := x.s.sight(ctx, x.v)
	return err == nil && mask.ID() == x.sight
}

// record writes a page down that is about to leave.
func (x *exporting) record(ctx context.Context, page []found) error {
	if x.v.Classes != nil && len(x.v.Classes) == 0 || len(page) == 0 {
		return nil
	}
	shown := x.query.Mask().Shown(x.v.Classes)
	if p := audit.Write(ctx, events.AuditReceived{Act: "view.export", Object: "view", Name: x.v.Name, Decision: events.AuditAllow, Classes: strings.Join(shown, ","), Count: int64(len(page))}, keysOf(page)...); p != nil {
		return p
	}
	return nil
}

func keysOf(rows []found) (keys []string) {
	for _, f := range rows {
		if keys = append(keys, f.Key); f.ID != "" {
			keys = append(keys, f.ID)
		}
	}
	return keys
}

// formOf is the form that an Accept header asks for.
func formOf(accept string) (form, error) {
	for _, part := range strings.Split(accept, ",") {
		switch name, _, _ := strings.Cut(strings.TrimSpace(part), ";"); strings.ToLower(strings.TrimSpace(name)) {
		case csvType, "text/*":
			return csvForm, nil
		case ndjsonType, "*/*", "application/*", "":
			return ndjsonForm, nil
		}
	}
	return 0, problem.New(http.StatusNotAcceptable, "NOT_ACCEPTABLE", "rows are exported as text/csv or application/x-ndjson")
}
