package verify

import (
	"context"
	"fmt"
	"reflect"
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
	asked := run.asking(len(table))
	run.m.rows(func(key string, want any) {
		if err != nil {
			return
		}
		have, there := table[key]
		delete(table, key)
		if _, skip := want.(notJudged); skip {
			run.c.Counts["not judged"]++
			return
		}
		run.c.Counts["rows"]++
		row, bad := run.m.decode(have)
		if all, some := want.(oneOf); some {
			want = all.like(row)
		}
		if j, is := run.m.(judges); is {
			for _, kind := range j.judge(key, want) {
				run.differs(key, kind, run.v.Table)
			}
		}
		switch {
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

// judges are models that see from a row alone what is wrong.
type judges interface {
	judge(key string, row any) (kinds []string)
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
