package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// sweepRecords is how many records are deleted after one look at the holds.
const sweepRecords = 500

// Swept is what a sweep did with a shelf.
type Swept struct {
	Shelf
	Below   int64 // records before it are gone, but for those on hold
	Deleted int
	OnHold  int
}

var errYoung = errors.New("young enough")

// Sweep deletes what is too old: of each shelf the records from its beginning
// up to the first one that is not before the cutoff of its topic, but for those
// on hold. A topic without a cutoff keeps everything. It may be killed at any
// moment, and goes on the next time.
func (s *Store) Sweep(ctx context.Context, cutoff func(topic string) (time.Time, bool)) ([]Swept, error) {
	shelves, err := s.Shelves(ctx)
	if err != nil {
		return nil, err
	}
	below, err := s.Below(ctx)
	if err != nil {
		return nil, err
	}
	var out []Swept
	held, oldest := 0, time.Time{}
	for _, shelf := range shelves {
		before, some := cutoff(shelf.Topic)
		if !some {
			continue
		}
		if oldest.IsZero() || before.Before(oldest) {
			oldest = before
		}
		swept, err := s.sweepShelf(ctx, shelf, before, below[shelf])
		if swept.Deleted > 0 {
			out = append(out, swept)
		}
		if held += swept.OnHold; err != nil {
			return out, err
		}
	}
	if held == 0 && !oldest.IsZero() {
		err = s.dropLists(ctx, oldest)
	}
	return out, err
}

func (s *Store) sweepShelf(ctx context.Context, shelf Shelf, before time.Time, below int64) (Swept, error) {
	out := Swept{Shelf: shelf, Below: below}
	var doomed []ID
	err := s.Held(ctx, shelf, 0, End, func(h Held) error {
		if h.Offset >= below && !h.Time.Before(before) {
			return errYoung
		}
		doomed = append(doomed, h.ID)
		out.Below = max(out.Below, h.Offset+1)
		return nil
	})
	if err != nil && !errors.Is(err, errYoung) || len(doomed) == 0 {
		return out, notYoung(err)
	}
	if err := s.markBelow(ctx, shelf, out.Below); err != nil { // first: from here on nobody counts on what is before
		return out, err
	}
	for batch := range slices.Chunk(doomed, sweepRecords) {
		gone, onHold, err := s.deleteUnheld(ctx, batch)
		out.Deleted += gone
		if out.OnHold += onHold; err != nil {
			return out, err
		}
	}
	if out.OnHold == 0 {
		return out, s.dropBlocks(ctx, shelf, out.Below)
	}
	return out, nil
}

func notYoung(err error) error {
	if errors.Is(err, errYoung) {
		return nil
	}
	return err
}

// deleteUnheld deletes records that no hold protects.
func (s *Store) deleteUnheld(ctx context.Context, ids []ID) (gone, onHold int, err error) {
	holds, err := s.Holds(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, id := range ids {
		var d document
		err := s.db.Collection(recordsName).FindOne(ctx, bson.D{{Key: fieldID, Value: id.String()}}).Decode(&d)
		if errors.Is(err, mongo.ErrNoDocuments) {
			continue // a sweep before this one had come so far
		}
		if err != nil {
			return gone, onHold, away(err)
		}
		if r := d.record(); slices.ContainsFunc(holds, func(h Hold) bool { return h.protects(r) }) {
			onHold++
			continue
		}
		if err := s.deleteDocument(ctx, d); err != nil {
			return gone, onHold, err
		}
		gone++
	}
	return gone, onHold, nil
}

// deleteDocument deletes a record's document, and then what did not fit into
// it: who finds the first misses nothing. By _id alone: FerretDB reads the
// whole collection for anything else.
func (s *Store) deleteDocument(ctx context.Context, d document) error {
	if _, err := s.db.Collection(recordsName).DeleteOne(ctx, bson.D{{Key: fieldID, Value: d.ID}}); err != nil {
		return away(err)
	}
	for n := 1; n <= d.Parts; n++ {
		if _, err := s.db.Collection(partsName).DeleteOne(ctx, bson.D{{Key: fieldID, Value: partID(d.ID, n)}}); err != nil {
			return away(err)
		}
	}
	return nil
}

// markBelow notes up to where a shelf is swept. It never goes back.
func (s *Store) markBelow(ctx context.Context, shelf Shelf, below int64) error {
	_, err := s.db.Collection(sweptName).UpdateOne(ctx, bson.D{{Key: fieldID, Value: ID{shelf, 0}.String()}},
		bson.D{{Key: "$max", Value: bson.D{{Key: "below", Value: below}}}}, options.UpdateOne().SetUpsert(true))
	return away(err)
}

// Below says up to where shelves are swept: of what was before, only records on
// hold are there.
func (s *Store) Below(ctx context.Context) (map[Shelf]int64, error) {
	cur, err := s.db.Collection(sweptName).Find(ctx, bson.D{})
	if err != nil {
		return nil, away(err)
	}
	var all []struct {
		ID    string `bson:"_id"`
		Below int64  `bson:"below"`
	}
	if err := cur.All(ctx, &all); err != nil {
		return nil, away(err)
	}
	out := map[Shelf]int64{}
	for _, one := range all {
		if id, err := ParseID(one.ID); err == nil {
			out[id.Shelf] = one.Below
		}
	}
	return out, nil
}

// dropBlocks takes away the lists of blocks of which nothing is left.
func (s *Store) dropBlocks(ctx context.Context, shelf Shelf, below int64) error {
	listed, err := s.lists(ctx)
	if err != nil || !listed {
		return err
	}
	blocks, err := s.blocks(ctx)
	if err != nil {
		return err
	}
	for _, b := range blocks[shelf] {
		if b+blockOffsets > below {
			continue
		}
		name := blockOf(shelf, b)
		if _, err := s.db.Collection(blocksName).DeleteOne(ctx, bson.D{{Key: fieldID, Value: name}}); err != nil {
			return away(err)
		}
		if err := s.dropList(ctx, blockLists, listID(listBlock, name)); err != nil {
			return err
		}
	}
	return nil
}

// dropList deletes the pages of a list, the last one first: a list that is
// dropped by half ends sooner, and has no hole.
func (s *Store) dropList(ctx context.Context, collection, list string) error {
	if err := s.findEnd(ctx, collection, list); err != nil {
		return err
	}
	end, _ := s.ends.Get(collection + list)
	s.ends.Remove(collection + list)
	for n := end - 1; n >= 0; n-- {
		if _, err := s.db.Collection(collection).DeleteOne(ctx, bson.D{{Key: fieldID, Value: pageID(list, n)}}); err != nil {
			return away(err)
		}
	}
	return nil
}

// dropLists takes away what events of whole months before a time are found by.
func (s *Store) dropLists(ctx context.Context, before time.Time) error {
	listed, err := s.lists(ctx)
	if err != nil || !listed {
		return err
	}
	hours, err := s.marks(ctx, hoursName)
	if err != nil {
		return err
	}
	for _, hour := range hours {
		at, err := time.Parse(hourForm, hour)
		if err != nil || !time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC).Before(before) {
			continue
		}
		if err := s.db.Collection(month(at)).Drop(ctx); err != nil {
			return away(err)
		}
		if _, err := s.db.Collection(hoursName).DeleteOne(ctx, bson.D{{Key: fieldID, Value: hour}}); err != nil {
			return away(err)
		}
	}
	return nil
}

// Oldest is the time stamp of the oldest record of each topic, as far as the
// first record of its shelves tells.
func (s *Store) Oldest(ctx context.Context) (map[string]time.Time, error) {
	shelves, err := s.Shelves(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]time.Time{}
	for _, shelf := range shelves {
		err := s.Held(ctx, shelf, 0, End, func(h Held) error {
			if at, known := out[shelf.Topic]; !known || h.Time.Before(at) {
				out[shelf.Topic] = h.Time
			}
			return errYoung
		})
		if notYoung(err) != nil {
			return nil, err
		}
	}
	return out, nil
}
