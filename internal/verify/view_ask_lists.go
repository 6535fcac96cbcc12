package verify

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"payerflow/events"
)

// askingLists puts lists to HTTP, each page by page: what is on them, and in
// which order.
type askingLists struct {
	run   *viewRun
	named string              // the field of an entry that is the row's key
	rows  int                 // entries of all lists
	want  map[string][]listed // by the stored key of the list
}

// listed is an entry that must be on a list.
type listed struct {
	stored string // key of the list and place in it
	shown  any
}

// mostLists bounds how many lists of a view are asked for, each of which the
// server audits: by the hash of the key.
const mostLists = 100

func (a *askingLists) add(_ context.Context, stored string, want any) error {
	owner, _, _ := strings.Cut(stored, under)
	most := a.run.http.Most
	if most == 0 || a.rows <= most || hashOf(owner)%1024 < 1024*uint64(most)/uint64(a.rows) {
		a.want[owner] = append(a.want[owner], listed{stored, want})
	}
	return nil
}

func (a *askingLists) flush(ctx context.Context) error {
	owners := slices.SortedFunc(maps.Keys(a.want), func(a, b string) int { return cmp.Compare(hashOf(a), hashOf(b)) })
	if a.run.http.Most > 0 {
		owners = owners[:min(len(owners), mostLists)]
	}
	for _, owner := range owners {
		want := a.want[owner]
		key, synthetic := strings.CutPrefix(owner, syntheticMark)
		values, err := a.run.http.list(ctx, a.run.v.Name, key, synthetic)
		if err != nil {
			return err
		}
		if err := a.compare(owner, want, values); err != nil {
			return err
		}
	}
	return nil
}

// compare holds one list to what HTTP showed of it. Of rows of other passes
// nothing is known here.
func (a *askingLists) compare(owner string, want []listed, values []json.RawMessage) error {
	where, byRow := "GET /v1/views/"+a.run.v.Name, map[string]listed{}
	for _, w := range want {
		byRow[a.run.m.home(w.stored)] = w
	}
	last := ""
	for _, value := range values {
		row, place, seen := a.row(owner, value)
		if !seen {
			a.run.c.Counts["withheld"]++
			return nil // whose reader may not see what is listed
		}
		if place < last && a.run.pass == 0 {
			a.run.c.found("not in order", where, a.run.l.Hash(owner), "")
		}
		last = place
		w, wanted := byRow[row]
		switch delete(byRow, row); {
		case !a.run.wants(row):
			continue
		case !wanted:
			a.run.differ[row] = append(a.run.differ[row], difference{owner + under, "extra", where, nil})
			continue
		}
		a.run.c.Counts["answers"]++
		fields, withheld, err := jsonThatDiffers(w.shown, value)
		if err != nil {
			return err
		}
		if a.run.c.Counts["withheld"] += withheld; len(fields) > 0 {
			a.run.differs(w.stored, "different", where, fields...)
		}
	}
	for _, w := range byRow {
		a.run.differs(w.stored, "missing", where)
	}
	return nil
}

// row is the stored key of the row that an entry of a list shows, and its day's
// place, by what it says itself; false where the reader may not see them. The
// rows of one day come in any order.
func (a *askingLists) row(owner string, value json.RawMessage) (key, place string, seen bool) {
	var entry map[string]any
	_ = json.Unmarshal(value, &entry) // what is no entry names no row
	id, _ := entry[a.named].(string)
	text, _ := entry[listedDay].(string)
	if id == redacted || text == redacted {
		return "", "", false
	}
	var day *events.Date
	if d := events.Date(0); text != "" && d.UnmarshalText([]byte(text)) == nil {
		day = &d
	}
	if place = placeOf(day, ""); strings.HasPrefix(owner, syntheticMark) {
		id = syntheticMark + id
	}
	return id, place, true
}

// listedDay is the field of an entry, as HTTP has it, by which lists are in order.
const listedDay = "serviceDate"
