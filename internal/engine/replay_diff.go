package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
)

// maxDiffKeys bounds how many rows a Diff names.
const maxDiffKeys = 100

// Diff is what two versions of a view say differently. Rows are compared field
// by field, where both versions have the field. It holds no key and no value.
type Diff struct {
	View string `json:"view"`
	Live string `json:"live"`
	Next string `json:"next"`

	Equal     int `json:"equal"`
	Missing   int `json:"missing"` // the next version does not have the row
	Extra     int `json:"extra"`   // the live one does not
	Different int `json:"different"`

	Fields   map[string]int `json:"fields"`   // in how many rows each differs
	OnlyLive []string       `json:"onlyLive"` // fields that the other version does not have
	OnlyNext []string       `json:"onlyNext"`
	Rows     []DiffRow      `json:"rows"` // the first 100 that differ

	LiveLag int64 `json:"liveLag"` // records that each had to fold yet: these rows may differ for that alone
	NextLag int64 `json:"nextLag"`
}

// Same says whether no row differs.
func (d Diff) Same() bool { return d.Missing+d.Extra+d.Different == 0 }

// DiffRow is a row that differs.
type DiffRow struct {
	KeyHash   string   `json:"keyHash"` // the first half of the SHA-256 of its stored key
	Partition int32    `json:"partition"`
	What      string   `json:"what"` // missing, extra, different
	Fields    []string `json:"fields,omitempty"`
}

// Diff compares the tables of a version and of the live one, as they are now.
// It reads both; what is committed meanwhile may or may not be seen.
func (r *Replay) Diff(ctx context.Context, group string, schemas topology.Schemas, passed func(rows int)) (*Diff, error) {
	next, line, err := r.running(ctx, group)
	if err != nil {
		return nil, err
	}
	live, err := r.declared(line.Live)
	if err != nil {
		return nil, err
	}
	d := &Diff{View: line.View, Live: live.Name, Next: next.Name, Fields: map[string]int{}, Rows: []DiffRow{}}
	for lag, of := range map[*int64]topology.Declared{&d.LiveLag: live, &d.NextLag: next} {
		w, err := r.work(ctx, of)
		if err != nil {
			return nil, err
		}
		*lag = w.all - w.done
	}
	only := [2]map[string]bool{{}, {}}
	for p := range int32(live.Table.Partitions) {
		was, err := r.fieldsOf(ctx, live, p, schemas, passed)
		if err != nil {
			return nil, err
		}
		is, err := r.fieldsOf(ctx, next, p, schemas, passed)
		if err != nil {
			return nil, err
		}
		d.compare(p, was, is, only)
	}
	d.OnlyLive, d.OnlyNext = sortedKeys(only[0]), sortedKeys(only[1])
	return d, nil
}

func sortedKeys[V any](m map[string]V) []string {
	return append([]string{}, slices.Sorted(maps.Keys(m))...)
}

// fields are hashes of a row's fields by name.
type fields map[string]uint64

// fieldsOf are the rows of a partition of a version's table.
func (r *Replay) fieldsOf(ctx context.Context, d topology.Declared, partition int32, schemas topology.Schemas, passed func(rows int)) (map[string]fields, error) {
	b, err := topology.Bind(d, schemas)
	if err != nil {
		return nil, err
	}
	rows := map[string]fields{}
	var failed error
	err = r.cl.readCommitted(ctx, r.cfg, topicPartition{d.Table.Name, partition}, func(rec *kgo.Record) {
		if rec.Value == nil {
			delete(rows, string(rec.Key))
			return
		}
		f, err := hashFields(b, rec.Value)
		if err != nil && failed == nil {
			failed = fmt.Errorf("row of %s/%d at offset %d: %w", d.Table.Name, partition, rec.Offset, err)
		}
		rows[string(rec.Key)] = f
		passed(1)
	})
	if err == nil {
		err = failed
	}
	return rows, err
}

func hashFields(b *topology.Bound, stored []byte) (fields, error) {
	row, err := b.Rows.Decode(stored)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(row)
	if err != nil {
		return nil, err
	}
	var of map[string]json.RawMessage
	if err := json.Unmarshal(text, &of); err != nil {
		return nil, fmt.Errorf("is no object: %T", err)
	}
	out := make(fields, len(of))
	for name, value := range of {
		h := fnv.New64a()
		_, _ = h.Write(value) // never fails
		out[name] = h.Sum64()
	}
	return out, nil
}

// compare adds the rows of a partition.
func (d *Diff) compare(partition int32, was, is map[string]fields, only [2]map[string]bool) {
	note := func(key, what string, fields []string) {
		if len(d.Rows) < maxDiffKeys {
			sum := sha256.Sum256([]byte(key))
			d.Rows = append(d.Rows, DiffRow{hex.EncodeToString(sum[:16]), partition, what, fields})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(was)) {
		now, there := is[key]
		if !there {
			d.Missing++
			note(key, "missing", nil)
			continue
		}
		if names := differ(was[key], now, only); len(names) > 0 {
			d.Different++
			for _, name := range names {
				d.Fields[name]++
			}
			note(key, "different", names)
		} else {
			d.Equal++
		}
	}
	for _, key := range slices.Sorted(maps.Keys(is)) {
		if _, there := was[key]; !there {
			d.Extra++
			note(key, "extra", nil)
		}
	}
}

// differ names the fields that both have and that are not the same.
func differ(was, is fields, only [2]map[string]bool) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(was)) {
		now, there := is[name]
		if !there {
			only[0][name] = true
		} else if now != was[name] {
			names = append(names, name)
		}
	}
	for name := range is {
		if _, there := was[name]; !there {
			only[1][name] = true
		}
	}
	return names
}
