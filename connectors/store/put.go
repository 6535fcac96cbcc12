package store

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// duplicateKey is the server's code for an _id that is there.
const duplicateKey = 11000

// Written says what became of records that were put.
type Written struct {
	New   int // stored now
	Known int // held before
}

// Put stores records, in any order. Those that are held already, by their
// identity, stay as they are. When it returns nil all are held, and found by
// everything that they are found by; after an error any of them may be, and to
// put them again mends that.
func (s *Store) Put(ctx context.Context, records []Record) (Written, error) {
	listed, err := s.lists(ctx)
	if err != nil {
		return Written{}, err
	}
	docs, parts := make([]any, 0, len(records)), []any(nil)
	own := make([]Record, 0, len(records))
	for _, r := range records {
		r = r.Original()
		d := documentOf(r, !listed)
		parts = append(parts, d.split()...)
		docs, own = append(docs, d), append(own, r)
	}
	if _, err := s.insert(ctx, partsName, parts); err != nil {
		return Written{}, err
	}
	known, err := s.insert(ctx, recordsName, docs)
	if err != nil {
		return Written{}, err
	}
	if listed {
		err = s.list(ctx, own)
	}
	return Written{len(docs) - len(known), len(known)}, err
}

// insert writes documents of which some may be there, and says which were, by
// their places.
func (s *Store) insert(ctx context.Context, collection string, docs []any) (there []int, err error) {
	if len(docs) == 0 {
		return nil, nil
	}
	_, err = s.db.Collection(collection).InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) || bulk.WriteConcernError != nil {
		return nil, away(err)
	}
	for _, e := range bulk.WriteErrors {
		if e.Code != duplicateKey {
			return nil, away(err)
		}
		there = append(there, e.Index)
	}
	return there, nil
}
