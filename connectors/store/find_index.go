package store

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// findByIndex lets the server find.
func (s *Store) findByIndex(ctx context.Context, f *finder) error {
	o := options.Find().SetSort(bson.D{{Key: fieldTime, Value: 1}, {Key: fieldID, Value: 1}}).SetLimit(mostLooked + 1).SetBatchSize(int32(min(f.limit+1, 1000)))
	cur, err := s.db.Collection(recordsName).Find(ctx, f.filter(), o)
	if err != nil {
		return away(err)
	}
	defer func() { _ = cur.Close(ctx) }()
	for cur.Next(ctx) {
		if f.full() {
			return errEnough
		}
		var d document
		if err := cur.Decode(&d); err != nil {
			return errors.New("event store: a document cannot be read")
		}
		r, err := s.whole(ctx, d)
		if err != nil {
			return err
		}
		f.take(r)
	}
	if err := away(cur.Err()); err != nil {
		return err
	}
	f.page.Next = nil
	return nil
}

// filter is the question as the server understands it.
func (f *finder) filter() bson.D {
	q, d := f.q, bson.D{{Key: fieldType, Value: bson.D{{Key: "$gt", Value: ""}}}}
	if q.Type != "" {
		d = bson.D{{Key: fieldType, Value: q.Type}}
	}
	for _, c := range []struct{ field, value string }{{fieldEvent, q.Event}, {fieldSubject, q.Subject}, {fieldTransaction, q.Transaction}, {fieldSource, q.Source}, {fieldTopic, q.Topic}} {
		if c.value != "" {
			d = append(d, bson.E{Key: c.field, Value: c.value})
		}
	}
	if len(q.Tags) > 0 {
		d = append(d, bson.E{Key: fieldTags, Value: bson.D{{Key: "$all", Value: q.Tags}}})
	}
	if q.Synthetic != nil {
		synthetic := any(true)
		if !*q.Synthetic {
			synthetic = bson.D{{Key: "$ne", Value: true}}
		}
		d = append(d, bson.E{Key: fieldSynthetic, Value: synthetic})
	}
	for path, value := range q.Fields {
		d = append(d, bson.E{Key: fieldBody + "." + path, Value: value})
	}
	var within bson.D
	if !q.From.IsZero() {
		within = append(within, bson.E{Key: "$gte", Value: q.From})
	}
	if !q.To.IsZero() {
		within = append(within, bson.E{Key: "$lt", Value: q.To})
	}
	if len(within) > 0 {
		d = append(d, bson.E{Key: fieldTime, Value: within})
	}
	if f.after != nil {
		at := time.UnixMilli(f.after.Millis)
		d = append(d, bson.E{Key: "$or", Value: bson.A{bson.D{{Key: fieldTime, Value: bson.D{{Key: "$gt", Value: at}}}},
			bson.D{{Key: fieldTime, Value: at}, {Key: fieldID, Value: bson.D{{Key: "$gt", Value: f.after.ID}}}}}})
	}
	return d
}
