package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// compare holds the model's rows to the table's topic and to HTTP.
func (run *viewRun) compare(ctx context.Context) error {
	todo, err := run.l.held(ctx, false, run.v.Table)
	if err != nil {
		return err
	}
	if todo[run.v.Table] == nil {
		return fmt.Errorf("topic %s does not exist", run.v.Table)
	}
	table := map[string][]byte{}
	err = run.l.read(ctx, todo, true, func(r *kgo.Record) error {
		key := string(r.Key)
		switch {
		case !run.wants(key):
		case r.Value == nil:
			delete(table, key)
		default:
			table[key] = r.Value
		}
		return nil
	})
	if err != nil {
		return err
	}
	asked := newAsking(run)
	run.m.rows(func(key string, want any) {
		if err != nil {
			return
		}
		run.c.Counts["rows"]++
		have, there := table[key]
		delete(table, key)
		switch row, bad := run.m.decode(have); {
		case !there:
			run.differs(key, "missing", run.v.Table)
		case bad != nil && !faulty(bad):
			err = bad
		case bad != nil:
			run.differs(key, "unreadable", run.v.Table)
		default:
			if fields := fieldsThatDiffer(want, row); len(fields) > 0 {
				run.differs(key, "different", run.v.Table, fields...)
			} else {
				run.c.Counts["equal"]++
			}
		}
		if err == nil {
			err = asked.add(ctx, key, want)
		}
	})
	if err == nil {
		err = asked.flush(ctx)
	}
	for key := range table {
		run.differs(key, "extra", run.v.Table)
	}
	return err
}

func (run *viewRun) differs(key, kind, where string, fields ...string) {
	home := run.m.home(key)
	run.differ[home] = append(run.differ[home], difference{key, kind, where, fields})
}

// fieldsThatDiffer names the fields, as HTTP names them, in which two rows of
// one type differ. An empty list and none are the same.
func fieldsThatDiffer(want, have any) (fields []string) {
	if reflect.DeepEqual(want, have) {
		return nil
	}
	w, h := reflect.Indirect(reflect.ValueOf(want)), reflect.Indirect(reflect.ValueOf(have))
	for i := range w.NumField() {
		f := w.Type().Field(i)
		if f.Anonymous {
			fields = append(fields, fieldsThatDiffer(w.Field(i).Interface(), h.Field(i).Interface())...)
			continue
		}
		if a, b := w.Field(i), h.Field(i); !reflect.DeepEqual(a.Interface(), b.Interface()) && !bothEmpty(a, b) {
			name, _, _ := strings.Cut(f.Tag.Get("avro"), ",")
			fields = append(fields, name)
		}
	}
	return fields
}

func bothEmpty(a, b reflect.Value) bool {
	return a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0
}

// asking puts rows to HTTP, some at once.
type asking struct {
	run  *viewRun
	keys map[bool][]string // by synthetic
	want map[string]any
}

const askAtOnce = 200

func newAsking(run *viewRun) *asking {
	return &asking{run: run, keys: map[bool][]string{}, want: map[string]any{}}
}

func (a *asking) add(ctx context.Context, stored string, want any) error {
	if a.run.http == nil || !a.run.http.asks(a.run.v.Name, stored) {
		return nil
	}
	key, synthetic := strings.CutPrefix(stored, syntheticMark)
	a.keys[synthetic] = append(a.keys[synthetic], key)
	a.want[stored] = want
	if len(a.keys[synthetic]) < askAtOnce {
		return nil
	}
	return a.put(ctx, synthetic)
}

func (a *asking) flush(ctx context.Context) error {
	for synthetic, keys := range a.keys {
		if len(keys) > 0 {
			if err := a.put(ctx, synthetic); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *asking) put(ctx context.Context, synthetic bool) error {
	keys := a.keys[synthetic]
	a.keys[synthetic] = nil
	answers, err := a.run.http.batch(ctx, a.run.v.Name, keys, synthetic)
	if err != nil {
		return err
	}
	where := "GET /v1/views/" + a.run.v.Name
	for i, got := range answers {
		stored := keys[i]
		if synthetic {
			stored = syntheticMark + stored
		}
		want := a.want[stored]
		delete(a.want, stored)
		a.run.c.Counts["answers"]++
		switch got.Status {
		case 200:
			fields, withheld, err := jsonThatDiffers(want, got.Row.Value)
			if err != nil {
				return err
			}
			a.run.c.Counts["withheld"] += withheld
			if len(fields) > 0 {
				a.run.differs(stored, "different", where, fields...)
			}
		case 404:
			a.run.differs(stored, "missing", where)
		default:
			a.run.c.undecided(fmt.Sprintf("HTTP answered %d for some rows", got.Status))
		}
	}
	return nil
}

const redacted = "***REDACTED***"

// jsonThatDiffers compares a row with what HTTP showed of it; what was
// withheld is counted and says nothing.
func jsonThatDiffers(want any, have json.RawMessage) (fields []string, withheld int64, err error) {
	text, err := json.Marshal(want)
	if err != nil {
		return nil, 0, err
	}
	var w, h map[string]any
	if err := json.Unmarshal(text, &w); err != nil {
		return nil, 0, err
	}
	if json.Unmarshal(have, &h) != nil {
		return []string{"value"}, 0, nil //nolint:nilerr // what HTTP showed is no row: that is the difference
	}
	for name := range h {
		if _, known := w[name]; !known {
			w[name] = nil
		}
	}
	for name := range w {
		if !sameSeen(w[name], h[name], &withheld) {
			fields = append(fields, name)
		}
	}
	slices.Sort(fields)
	return fields, withheld, nil
}

func sameSeen(want, have any, withheld *int64) bool {
	if have == redacted {
		*withheld++
		return true
	}
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return false
		}
		for name := range h {
			if _, known := w[name]; !known && !sameSeen(nil, h[name], withheld) {
				return false
			}
		}
		for name := range w {
			if !sameSeen(w[name], h[name], withheld) {
				return false
			}
		}
		return true
	case []any:
		h, ok := have.([]any)
		if !ok || len(h) != len(w) {
			return false
		}
		for i := range w {
			if !sameSeen(w[i], h[i], withheld) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(want, have)
}
