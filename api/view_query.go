package api

import (
	"container/heap"
	"context"
	"net/http"
	"strings"
	"sync"

	"payerflow/api/audit"
	"payerflow/api/problem"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
)

// Question is what can be asked of the rows of a view.
type Question struct {
	Where     string   `query:"where" maxLength:"4096" doc:"CEL over the fields of a row: row.status == \"DENIED\" && row.billed > 100.0. Money is a number, an instant a timestamp, a date a text" example:"row.status == \"DENIED\""`
	Sort      []string `query:"sort" maxItems:"3" doc:"Fields to sort by; -name from high to low. Rows without a value come last"`
	Fields    []string `query:"fields" maxItems:"100" doc:"Show these fields alone; a.b of records"`
	Synthetic bool     `query:"synthetic" doc:"Of the rows of synthetic events instead"`
}

func (q Question) plain() bool { return q.Where == "" && len(q.Sort) == 0 && len(q.Fields) == 0 }

// about names the question, for its cursors.
func (q Question) about(act, view string) string {
	return cursorAbout(act, view, q.Synthetic, q.Where, strings.Join(q.Sort, ","), strings.Join(q.Fields, ","))
}

// languages are CEL over the rows of each view, made when first asked for.
type languages struct {
	mu sync.Mutex
	of map[string]*processors.RowLanguage
}

func (l *languages) get(v topology.Served) (*processors.RowLanguage, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.of[v.Name+" "+v.Version]; ok {
		return known, nil
	}
	made, err := processors.NewRowLanguage(v.Row)
	if err != nil {
		return nil, problem.New(http.StatusInternalServerError, "INTERNAL", "the view cannot be queried")
	}
	if l.of == nil {
		l.of = map[string]*processors.RowLanguage{}
	}
	l.of[v.Name+" "+v.Version] = made
	return made, nil
}

// ask checks a question for a reader.
func (s *surface) ask(v topology.Served, q Question, mask *processors.RowMask) (*processors.RowQuery, error) {
	l, err := s.languages.get(v)
	if err != nil {
		return nil, err
	}
	query, faults := l.Query(mask, processors.RowQuestion{Where: q.Where, Sort: q.Sort, Fields: q.Fields})
	if len(faults) > 0 {
		return nil, faulty(faults)
	}
	return query, nil
}

// faulty is 403 where something may not be seen that is asked about, else 422.
func faulty(faults []events.Fault) *Problem {
	status, code, detail := http.StatusUnprocessableEntity, "INVALID_QUERY", "the question is not legal; see errors"
	var details []Detail
	for _, f := range faults {
		if f.ReasonCode == processors.NotVisible {
			status, code, detail = http.StatusForbidden, processors.NotVisible, "the question looks at what the token may not see; see errors"
		}
		details = append(details, Detail{Code: f.ReasonCode, Pointer: f.At, Message: f.Reason})
	}
	p := problem.New(status, code, detail)
	p.Errors = details
	return p
}

// query answers a question with a page.
func (s *surface) query(ctx context.Context, v topology.Served, in *listInput, mask *processors.RowMask) (*listOutput, error) {
	audit.Asks(ctx, "view.query")
	about := in.about("query", cursorOf(v))
	from, err := s.openCursor(about, in.Cursor)
	if err != nil {
		return nil, err
	}
	q, err := s.ask(v, in.Question, mask)
	if err != nil {
		return nil, err
	}
	done, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	best := &top{query: q, limit: in.Limit}
	c := &scan{view: v.Name, synthetic: in.Synthetic, reach: s.bounds.page, spent: q.Spent}
	if err := s.each(ctx, c, from, func(a topology.Answer) (bool, error) {
		if m, ok := q.Takes(a.Row); ok {
			best.add(found{a, m, c.looked})
		}
		return !q.Sorted() && len(best.rows) == in.Limit, nil
	}); err != nil {
		return nil, err
	}
	out := &listOutput{Rows{Rows: []Answer{}, Looked: c.looked, Failed: q.Failed(), Partial: c.stopped}}
	rows := best.sorted()
	for _, f := range rows {
		shown, err := answer(v, f.Answer, q.Mask())
		if err != nil {
			return nil, err
		}
		out.Body.add(shown)
	}
	audit.Shows(ctx, len(rows), keysOf(rows)...)
	if c.next != nil {
		out.Body.Next = s.sealCursor(about, *c.next)
	}
	return out, nil
}

// found is a row that a question takes; at is when it was looked at.
type found struct {
	topology.Answer
	match processors.RowMatch
	at    int
}

// top keeps the first rows in the order that is asked for, the last on top.
type top struct {
	query *processors.RowQuery
	limit int
	rows  []found
}

func (t *top) Len() int      { return len(t.rows) }
func (t *top) Swap(i, j int) { t.rows[i], t.rows[j] = t.rows[j], t.rows[i] }
func (t *top) Push(x any)    { t.rows = append(t.rows, x.(found)) }
func (t *top) Pop() any {
	last := t.rows[len(t.rows)-1]
	t.rows = t.rows[:len(t.rows)-1]
	return last
}
func (t *top) Less(i, j int) bool { return t.before(t.rows[j], t.rows[i]) }

func (t *top) before(a, b found) bool {
	if c := t.query.Compare(a.match, b.match); c != 0 {
		return c < 0
	}
	return a.at < b.at
}

func (t *top) add(f found) {
	if !t.query.Sorted() {
		t.rows = append(t.rows, f)
		return
	}
	if heap.Push(t, f); len(t.rows) > t.limit {
		heap.Pop(t)
	}
}

// sorted empties the heap.
func (t *top) sorted() []found {
	if !t.query.Sorted() {
		return t.rows
	}
	out := make([]found, len(t.rows))
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = heap.Pop(t).(found)
	}
	return out
}
