package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Kinds of lists. A list holds the places of all records that have one value.
const (
	listEvent       = "event"
	listSubject     = "subject"
	listTransaction = "transaction"
	listBlock       = "block" // of a shelf: blockOffsets offsets
	listSpan        = "span"  // of time: spanLength
)

const (
	blockOffsets = 4096
	spanLength   = 10 * time.Minute
	// pageRefs is how many places one document of a list holds at most.
	pageRefs = 1000
)

// ref is the place of a record, and what most questions ask about it.
type ref struct {
	Topic       string   `json:"t"`
	Incarnation int      `json:"i"`
	Partition   int32    `json:"p"`
	Offset      int64    `json:"o"`
	Millis      int64    `json:"m"`
	Checksum    uint64   `json:"c"`
	Type        string   `json:"y,omitempty"`
	Source      string   `json:"s,omitempty"`
	Tags        []string `json:"g,omitempty"`
	Synthetic   bool     `json:"x,omitempty"`
}

func (r ref) id() ID { return ID{Shelf{r.Topic, r.Incarnation, r.Partition}, r.Offset} }

func (r ref) before(o ref) bool {
	if r.Millis != o.Millis {
		return r.Millis < o.Millis
	}
	return r.id().String() < o.id().String()
}

// page is one document of a list: its _id is the list's and the page's number.
type page struct {
	ID   string `bson:"_id"`
	Refs string `bson:"refs"` // JSON: a server that reads it need not look into it
}

// month is the collection of the lists that hold records of a time.
func month(t time.Time) string { return listsPrefix + t.UTC().Format("2006-01") }

// listID names the list of a value. Values may be long, and hold anything.
func listID(kind, value string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + value))
	return kind + "/" + hex.EncodeToString(sum[:16])
}

func blockOf(s Shelf, offset int64) string {
	return fmt.Sprintf("%s/%d/%d/%019d", s.Topic, s.Incarnation, s.Partition, offset/blockOffsets*blockOffsets)
}

func spanOf(t time.Time) string { return t.UTC().Truncate(spanLength).Format(time.RFC3339) }

// list notes where records are, after they were written: what is in a list is
// held. A crash in between is mended when the same records are put again; a
// place may then be in a list twice, and counts once.
func (s *Store) list(ctx context.Context, records []Record) error {
	lists, blocks, hours := map[string]map[string][]ref{}, map[string]bool{}, map[string]bool{}
	add := func(collection, kind, value string, r ref) {
		if value == "" {
			return
		}
		if lists[collection] == nil {
			lists[collection] = map[string][]ref{}
		}
		id := listID(kind, value)
		lists[collection][id] = append(lists[collection][id], r)
	}
	for _, r := range records {
		place := ref{Topic: r.Topic, Incarnation: r.Incarnation, Partition: r.Partition, Offset: r.Offset, Millis: r.Time.UnixMilli(), Checksum: r.Checksum()}
		in := month(r.Time)
		block := blockOf(r.Shelf, r.Offset)
		blocks[block] = true
		if e := r.Event; e != nil {
			place.Type, place.Source, place.Tags, place.Synthetic = e.Type, e.Source, e.Tags, e.Synthetic
			hours[r.Time.UTC().Format(hourForm)] = true
			add(in, listSpan, spanOf(r.Time), place)
			add(in, listEvent, e.ID, place)
			add(in, listSubject, e.Subject, place)
			add(in, listTransaction, e.Transaction, place)
		}
		add(blockLists, listBlock, block, place)
	}
	if err := errors.Join(s.mark(ctx, blocksName, blocks), s.mark(ctx, hoursName, hours)); err != nil {
		return err
	}
	for collection, entries := range lists {
		if err := s.extend(ctx, collection, entries); err != nil {
			return err
		}
	}
	return nil
}

// mark writes down that there is a block or an hour.
func (s *Store) mark(ctx context.Context, collection string, names map[string]bool) error {
	var docs []any
	s.mu.Lock()
	for name := range names {
		if !s.seen[collection+name] {
			docs = append(docs, bson.D{{Key: fieldID, Value: name}})
		}
	}
	s.mu.Unlock()
	if _, err := s.insert(ctx, collection, docs); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range names {
		s.seen[collection+name] = true
	}
	return nil
}

// extend puts pages at the ends of lists. Whoever comes second at an end looks
// for the next one: nothing is ever written over.
func (s *Store) extend(ctx context.Context, collection string, entries map[string][]ref) error {
	type todo struct {
		list string
		refs []ref
	}
	var left []todo
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		for refs := range slices.Chunk(entries[id], pageRefs) {
			left = append(left, todo{id, refs})
		}
	}
	for len(left) > 0 {
		var docs []any
		var now, next []todo
		ends := map[string]int{}
		for _, t := range left {
			n, planned := ends[t.list]
			if !planned {
				n, _ = s.ends.Get(collection + t.list)
			}
			text, err := json.Marshal(t.refs)
			if err != nil {
				return err
			}
			ends[t.list] = n + 1
			docs, now = append(docs, page{pageID(t.list, n), string(text)}), append(now, t)
		}
		there, err := s.insert(ctx, collection, docs)
		if err != nil {
			return err
		}
		for list, n := range ends {
			s.ends.Add(collection+list, n)
		}
		for _, i := range there {
			next = append(next, now[i])
			if err := s.findEnd(ctx, collection, now[i].list); err != nil {
				return err
			}
		}
		left = next
	}
	return nil
}

// findEnd remembers where a list ends.
func (s *Store) findEnd(ctx context.Context, collection, list string) error {
	var failed error
	there := func(n int) bool {
		_, err := s.page(ctx, collection, list, n)
		if err != nil && !errors.Is(err, ErrNotHeld) {
			failed = err
		}
		return err == nil
	}
	high := 1
	for failed == nil && there(high) {
		high *= 2
	}
	n := sort.Search(high, func(n int) bool { return failed == nil && !there(n) })
	s.ends.Add(collection+list, n)
	return failed
}

func pageID(list string, n int) string { return fmt.Sprintf("%s/%d", list, n) }

// page reads one page of a list.
func (s *Store) page(ctx context.Context, collection, list string, n int) ([]ref, error) {
	var p page
	err := s.db.Collection(collection).FindOne(ctx, bson.D{{Key: fieldID, Value: pageID(list, n)}}).Decode(&p)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, ErrNotHeld
	}
	if err != nil {
		return nil, away(err)
	}
	var refs []ref
	if err := json.Unmarshal([]byte(p.Refs), &refs); err != nil {
		return nil, errors.New("event store: a list cannot be read")
	}
	return refs, nil
}

// listOf reads a whole list, by time and identity, each place once.
func (s *Store) listOf(ctx context.Context, collection, kind, value string) ([]ref, error) {
	var out []ref
	for n := 0; ; n++ {
		refs, err := s.page(ctx, collection, listID(kind, value), n)
		if errors.Is(err, ErrNotHeld) {
			break
		}
		if err != nil {
			return nil, err
		}
		out = append(out, refs...)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].before(out[j]) })
	return slices.CompactFunc(out, func(a, b ref) bool { return a.id() == b.id() }), nil
}
