package api_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// canaries are values that tell the class of the field that holds them.
type canaries struct {
	rows
	made []tables.ClaimStatus
}

func (c canaries) List(ctx context.Context, view string, from topology.Place, limit int, synthetic bool) (topology.Page, error) {
	p, err := c.rows.List(ctx, view, from, limit, synthetic)
	for i := range p.Rows {
		p.Rows[i].Row = c.made[from.Skip+i]
	}
	return p, err
}

func (c canaries) Get(_ context.Context, _, key string, _ bool) (topology.Answer, error) {
	i := slices.Index(c.keys, key)
	if i < 0 {
		return topology.Answer{}, topology.ErrNotFound
	}
	a := c.row(key)
	a.Row = c.made[i]
	return a, nil
}

// tells are what a value of each class looks like, whatever its type.
var tells = map[string][]string{
	"PHI":  {"canary-phi", "98765.43", "1987-06-05", "98765"},
	"BANK": {"canary-bank", "12344.56", "1988-07-06", "12344"},
	"PII":  {"canary-pii", "76543.21", "1989-08-07", "76543"},
}

func madeCanaries(t *rapid.T) canaries {
	c := canaries{}
	for n := range rapid.IntRange(1, 30).Draw(t, "rows") {
		var row tables.ClaimStatus
		fill(t, reflect.ValueOf(&row).Elem(), tables.RowFields(reflect.TypeFor[tables.ClaimStatus]()))
		row.ClaimID = events.ID(fmt.Sprint("canary-phi-key-", n))
		c.made, c.keys = append(c.made, row), append(c.keys, string(row.ClaimID))
	}
	return c
}

func fill(t *rapid.T, row reflect.Value, fields []tables.RowField) {
	for _, f := range fields {
		class := "PUBLIC"
		if len(f.Classes) > 0 {
			class = f.Classes[0]
		}
		set(t, row.FieldByIndex(f.Index), f.Below, class)
	}
}

func set(t *rapid.T, v reflect.Value, below []tables.RowField, class string) {
	tell := append(slices.Clone(tells[class]), "public", "1.00", "2001-01-01")
	switch {
	case v.Kind() == reflect.Pointer:
		if rapid.Float64().Draw(t, "set") < 0.8 {
			v.Set(reflect.New(v.Type().Elem()))
			set(t, v.Elem(), below, class)
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(0, 2).Draw(t, "items"), 2))
		for i := range v.Len() {
			set(t, v.Index(i), below, class)
		}
	case v.Type() == reflect.TypeFor[events.Money]():
		m, _ := events.ParseMoney(tell[slices.IndexFunc(tell, func(s string) bool { return strings.Contains(s, ".") })])
		v.Set(reflect.ValueOf(m))
	case v.Type() == reflect.TypeFor[events.Date]():
		var d events.Date
		_ = d.UnmarshalText([]byte(tell[slices.IndexFunc(tell, func(s string) bool { return strings.Count(s, "-") == 2 && s[0] < '3' })]))
		v.Set(reflect.ValueOf(d))
	case v.Kind() == reflect.String:
		v.SetString(fmt.Sprint(tell[0], "-", rapid.IntRange(0, 5).Draw(t, "n")))
	case v.Kind() == reflect.Struct && below != nil:
		fill(t, v, below)
	}
}

// TestNothingWithheldIsInAnyAnswer asks in every way there is, as readers of
// any classes, and looks for what they may not see in all that comes back, and
// in what is written down.
func TestNothingWithheldIsInAnyAnswer(t *testing.T) {
	fields := names(tables.RowFields(reflect.TypeFor[tables.ClaimStatus]()), "")
	rapid.Check(t, func(rt *rapid.T) {
		v := madeCanaries(rt)
		var may []string
		for _, class := range []string{"BANK", "PHI", "PII"} {
			if rapid.Bool().Draw(rt, class) {
				may = append(may, class)
			}
		}
		r := readerOf(t, v, tables.Scopes{Read: []string{"*"}}, may...)
		s := httptest.NewServer(r.h)
		defer s.Close()
		field := rapid.SampledFrom(fields).Draw(rt, "field")
		base := "/v1/views/claim-status"
		for _, path := range []string{"", "?limit=3", "?limit=1000&fields=" + field, "?fields=planId,history", "?sort=" + field, "?sort=-" + field + "&limit=2",
			"?where=" + url.QueryEscape(`row.`+field+` != null`), "?where=" + url.QueryEscape(`has(row.`+field+`)`), "?where=" + url.QueryEscape(`row.planId != "canary-phi"`),
			"?where=" + url.QueryEscape(`row.`+field+` == "canary-phi-1"`), "?where=" + url.QueryEscape(`"canary-phi-1" +`), "?cursor=canary-phi",
			"/aggregate?by=" + field, "/aggregate?sum=" + field, "/aggregate?min=" + field, "/aggregate?by=planId&max=" + field, "/aggregate?by=" + field + "&where=row.paidProvisional",
			"/nothing", "/" + v.keys[0], "/" + v.keys[0] + "?limit=x"} {
			resp, _ := r.get(base + path)
			body := resp.Body.String()
			if strings.Contains(path, v.keys[0]) { // who asks by a key has it
				body = strings.Replace(body, `"key":"`+v.keys[0]+`"`, "", 1)
			}
			quiet(rt, may, path, body+fmt.Sprint(resp.Header()))
		}
		for _, accept := range []string{"text/csv", "application/x-ndjson"} {
			for _, path := range []string{"/export?limit=5", "/export?fields=" + field, "/export?where=" + url.QueryEscape(`row.`+field+` != null`)} {
				body, next, err := r.fetch(s, base+path, accept)
				quiet(rt, may, accept+path, fmt.Sprint(body, next, err))
			}
		}
		for _, e := range r.log.records {
			e.ID, e.At, e.Actor = "", 0, "" // drawn and timed: their digits may be any
			quiet(rt, nil, "the audit", fmt.Sprintf("%+v", e))
		}
	})
}

// begins tells whether a text has a value that no digit stands before: the end
// of a longer number is another number (19 times 98765.43 is 1876543.17).
func begins(text, value string) bool {
	return regexp.MustCompile(`(^|[^0-9])` + regexp.QuoteMeta(value)).MatchString(text)
}

// quiet fails where a text has a value of a class that may not be seen.
func quiet(t *rapid.T, may []string, where, text string) {
	for class, values := range tells {
		for _, value := range values {
			if !slices.Contains(may, class) && begins(text, value) {
				t.Fatalf("%s, seen by %v: %s of %s in %s", where, may, value, class, text)
			}
		}
	}
}

// names are the fields of a row and of the records in it.
func names(fields []tables.RowField, at string) (out []string) {
	for _, f := range fields {
		out = append(out, at+f.Name)
		out = append(out, names(f.Below, at+f.Name+".")...)
	}
	return out
}
