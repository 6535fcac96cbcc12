package verify

import (
	"context"
	"fmt"
	"strings"
)

// asking puts what must be there to HTTP.
type asking interface {
	add(ctx context.Context, stored string, want any) error
	flush(ctx context.Context) error
}

// lists are the models whose views are asked for by the key of a list.
type lists interface{ pages() (named string) }

func (run *viewRun) asking(rows int) asking {
	if run.http == nil {
		return nobody{}
	}
	if m, is := run.m.(lists); is {
		return &askingLists{run: run, named: m.pages(), rows: rows, want: map[string][]listed{}}
	}
	return &askingRows{run: run, keys: map[bool][]string{}, want: map[string]any{}}
}

// nobody is asked where there is no server.
type nobody struct{}

func (nobody) add(context.Context, string, any) error { return nil }
func (nobody) flush(context.Context) error            { return nil }

// askingRows puts rows to HTTP, some at once.
type askingRows struct {
	run  *viewRun
	keys map[bool][]string // by synthetic
	want map[string]any
}

const askAtOnce = 200

func (a *askingRows) add(ctx context.Context, stored string, want any) error {
	if !a.run.http.asks(a.run.v.Name, stored) {
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

func (a *askingRows) flush(ctx context.Context) error {
	for synthetic, keys := range a.keys {
		if len(keys) > 0 {
			if err := a.put(ctx, synthetic); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *askingRows) put(ctx context.Context, synthetic bool) error {
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
