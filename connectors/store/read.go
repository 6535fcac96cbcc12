package store

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Get is the record of an identity, or ErrNotHeld.
func (s *Store) Get(ctx context.Context, id ID) (Record, error) {
	var d document
	err := s.db.Collection(recordsName).FindOne(ctx, bson.D{{Key: fieldID, Value: id.String()}}).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return Record{}, ErrNotHeld
	}
	if err != nil {
		return Record{}, away(err)
	}
	return s.whole(ctx, d)
}

// whole puts a record together again.
func (s *Store) whole(ctx context.Context, d document) (Record, error) {
	for n := 1; n <= d.Parts; n++ {
		var p part
		err := s.db.Collection(partsName).FindOne(ctx, bson.D{{Key: fieldID, Value: partID(d.ID, n)}}).Decode(&p)
		if errors.Is(err, mongo.ErrNoDocuments) {
			return Record{}, ErrNotHeld // it is being deleted
		}
		if err != nil {
			return Record{}, away(err)
		}
		value := append(slices.Clip(*d.Value), p.Data...)
		d.Value = &value
	}
	return d.record(), nil
}

// Held is a record that the store holds, without what is in it.
type Held struct {
	ID
	Time     time.Time
	Checksum uint64
}

// Held calls each for the records of a shelf from an offset on, up to another
// that is not among them, in the order of their offsets.
func (s *Store) Held(ctx context.Context, shelf Shelf, from, to int64, each func(Held) error) error {
	listed, err := s.lists(ctx)
	if err != nil {
		return err
	}
	if !listed {
		return s.heldByIndex(ctx, shelf, from, to, each)
	}
	blocks, err := s.blocks(ctx)
	if err != nil {
		return err
	}
	below, err := s.Below(ctx)
	if err != nil {
		return err
	}
	for _, b := range blocks[shelf] {
		if b+blockOffsets <= from || b >= to {
			continue
		}
		refs, err := s.listOf(ctx, blockLists, listBlock, blockOf(shelf, b))
		if err != nil {
			return err
		}
		slices.SortFunc(refs, func(a, b ref) int { return cmp.Compare(a.Offset, b.Offset) })
		for _, r := range refs {
			if r.Offset < from || r.Offset >= to {
				continue
			}
			if r.Offset < below[shelf] { // it may be swept, and its place still be listed
				if there, err := s.there(ctx, r.id()); err != nil {
					return err
				} else if !there {
					continue
				}
			}
			if err := each(Held{r.id(), time.UnixMilli(r.Millis).UTC(), r.Checksum}); err != nil {
				return err
			}
		}
	}
	return nil
}

// there says whether a record is held.
func (s *Store) there(ctx context.Context, id ID) (bool, error) {
	err := s.db.Collection(recordsName).FindOne(ctx, bson.D{{Key: fieldID, Value: id.String()}}, options.FindOne().SetProjection(bson.D{{Key: fieldID, Value: 1}})).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, away(err)
}

func (s *Store) heldByIndex(ctx context.Context, shelf Shelf, from, to int64, each func(Held) error) error {
	within := bson.D{{Key: fieldTopic, Value: shelf.Topic}, {Key: fieldIncarnation, Value: shelf.Incarnation}, {Key: fieldPartition, Value: shelf.Partition},
		{Key: fieldOffset, Value: bson.D{{Key: "$gte", Value: from}, {Key: "$lt", Value: to}}}}
	only := bson.D{{Key: fieldOffset, Value: 1}, {Key: fieldTime, Value: 1}, {Key: "checksum", Value: 1}}
	cur, err := s.db.Collection(recordsName).Find(ctx, within, options.Find().SetSort(bson.D{{Key: fieldOffset, Value: 1}}).SetProjection(only))
	if err != nil {
		return away(err)
	}
	defer func() { _ = cur.Close(ctx) }()
	for cur.Next(ctx) {
		var d document
		if err := cur.Decode(&d); err != nil {
			return errors.New("event store: a document cannot be read")
		}
		if err := each(Held{ID{shelf, d.Offset}, d.Time.UTC(), uint64(d.Checksum)}); err != nil {
			return err
		}
	}
	return away(cur.Err())
}

// Read calls each for whole records, as Held does.
func (s *Store) Read(ctx context.Context, shelf Shelf, from, to int64, each func(Record) error) error {
	return s.Held(ctx, shelf, from, to, func(h Held) error {
		r, err := s.Get(ctx, h.ID)
		if errors.Is(err, ErrNotHeld) { // deleted meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		return each(r)
	})
}

// Day is what the store holds of a shelf and a day of its records' time stamps
// (UTC).
type Day struct {
	Shelf
	Day      string `json:"day"` // 2026-11-21
	First    int64  `json:"first"`
	Last     int64  `json:"last"`
	Count    int64  `json:"count"`
	Checksum uint64 `json:"checksum"` // sum of what Placed gives
}

// Days counts what a shelf holds between two offsets, the second not among
// them; see [End] for all of it.
func (s *Store) Days(ctx context.Context, shelf Shelf, from, to int64) ([]Day, error) {
	days := map[string]*Day{}
	err := s.Held(ctx, shelf, from, to, func(h Held) error {
		name := h.Time.Format(time.DateOnly)
		d := days[name]
		if d == nil {
			d = &Day{Shelf: shelf, Day: name, First: h.Offset}
			days[name] = d
		}
		d.First, d.Last = min(d.First, h.Offset), max(d.Last, h.Offset)
		d.Count++
		d.Checksum += Placed(h.Checksum, h.Offset)
		return nil
	})
	out := make([]Day, 0, len(days))
	for _, d := range days {
		out = append(out, *d)
	}
	slices.SortFunc(out, func(a, b Day) int { return strings.Compare(a.Day, b.Day) })
	return out, err
}

// End is an offset behind all others.
const End = math.MaxInt64

// Shelves are those that hold records, in order.
func (s *Store) Shelves(ctx context.Context) ([]Shelf, error) {
	listed, err := s.lists(ctx)
	if err != nil {
		return nil, err
	}
	var out []Shelf
	if listed {
		blocks, err := s.blocks(ctx)
		if err != nil {
			return nil, err
		}
		for shelf := range blocks {
			out = append(out, shelf)
		}
	} else if out, err = s.shelvesByIndex(ctx); err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b Shelf) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Incarnation, b.Incarnation), cmp.Compare(a.Partition, b.Partition))
	})
	return out, nil
}

func (s *Store) shelvesByIndex(ctx context.Context) (out []Shelf, err error) {
	group := bson.D{{Key: "$group", Value: bson.D{{Key: fieldID, Value: bson.D{
		{Key: fieldTopic, Value: "$topic"}, {Key: fieldIncarnation, Value: "$incarnation"}, {Key: fieldPartition, Value: "$partition"}}}}}}
	cur, err := s.db.Collection(recordsName).Aggregate(ctx, mongo.Pipeline{group})
	if err != nil {
		return nil, away(err)
	}
	var found []struct {
		ID Shelf `bson:"_id"`
	}
	if err := cur.All(ctx, &found); err != nil {
		return nil, away(err)
	}
	for _, f := range found {
		out = append(out, f.ID)
	}
	return out, nil
}

// blocks are the first offsets of each shelf's blocks, in order.
func (s *Store) blocks(ctx context.Context) (map[Shelf][]int64, error) {
	out := map[Shelf][]int64{}
	names, err := s.marks(ctx, blocksName)
	for _, name := range names {
		if id, err := ParseID(name); err == nil {
			out[id.Shelf] = append(out[id.Shelf], id.Offset)
		}
	}
	for _, b := range out {
		slices.Sort(b)
	}
	return out, err
}

// marks are the names in a collection of marks, in order.
func (s *Store) marks(ctx context.Context, collection string) (out []string, err error) {
	cur, err := s.db.Collection(collection).Find(ctx, bson.D{})
	if err != nil {
		return nil, away(err)
	}
	defer func() { _ = cur.Close(ctx) }()
	for cur.Next(ctx) {
		if id, ok := cur.Current.Lookup(fieldID).StringValueOK(); ok {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out, away(cur.Err())
}
