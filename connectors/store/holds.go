package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"payerflow/events"
)

// Kinds of legal holds: what a record is protected by.
const (
	HoldKey = "key" // of the entity, or of the record
	HoldTag = "tag"
)

// Hold protects what the store has, and what it will have, of an entity or of
// a tag from the store's own expiry.
type Hold struct {
	ID    string    `bson:"_id"`
	Kind  string    `bson:"kind"`
	Value string    `bson:"value"` // a key is PHI
	Why   string    `bson:"why"`
	By    string    `bson:"by"`
	At    time.Time `bson:"at"`
}

// Hold writes a hold down and gives it its ID. From then on no sweep that
// begins takes what it protects; one that is under way may still take up to
// [sweepRecords] records.
func (s *Store) Hold(ctx context.Context, h Hold) (Hold, error) {
	if h.Kind != HoldKey && h.Kind != HoldTag || h.Value == "" {
		return h, errors.New("a hold is of a key or of a tag")
	}
	h.ID = strings.ToLower(rand.Text())
	_, err := s.db.Collection(holdsName).InsertOne(ctx, h)
	return h, away(err)
}

// Release takes a hold away, or is ErrNotHeld where there is none of that ID.
// What it protected alone goes with the next sweep.
func (s *Store) Release(ctx context.Context, id string) error {
	done, err := s.db.Collection(holdsName).DeleteOne(ctx, bson.D{{Key: fieldID, Value: id}})
	if err == nil && done.DeletedCount == 0 {
		return ErrNotHeld
	}
	return away(err)
}

// Holds are all holds, oldest first.
func (s *Store) Holds(ctx context.Context) ([]Hold, error) {
	cur, err := s.db.Collection(holdsName).Find(ctx, bson.D{})
	if err != nil {
		return nil, away(err)
	}
	all := []Hold{}
	if err := cur.All(ctx, &all); err != nil {
		return nil, away(err)
	}
	slices.SortFunc(all, func(a, b Hold) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID)) })
	return all, nil
}

// protects says whether a hold is of a record.
func (h Hold) protects(r Record) bool {
	if h.Kind == HoldKey {
		return string(r.Key) == h.Value || r.Event != nil && r.Event.Subject == h.Value
	}
	if r.Event != nil {
		return slices.Contains(r.Event.Tags, h.Value)
	}
	tags, _ := events.ParseTags(string(r.Header("ce_tags"))) // of a dead letter, say; what cannot be read has none
	return slices.Contains(tags, h.Value)
}
