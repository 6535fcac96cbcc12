package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Incarnation is one life of a topic, by the id that Kafka gave it.
type Incarnation struct {
	Topic   string `bson:"topic" json:"topic"`
	Number  int    `bson:"number" json:"number"` // from 1
	TopicID string `bson:"topicId" json:"topicId"`
}

// Incarnation is the number of a topic's life. One that the store has not met
// becomes the topic's newest.
func (s *Store) Incarnation(ctx context.Context, topic, topicID string) (int, error) {
	for {
		all, err := s.Incarnations(ctx)
		if err != nil {
			return 0, err
		}
		next := 1
		for _, i := range all {
			if i.Topic != topic {
				continue
			}
			if i.TopicID == topicID {
				return i.Number, nil
			}
			next = max(next, i.Number+1)
		}
		there, err := s.insert(ctx, incarnationsName, []any{bson.D{{Key: fieldID, Value: fmt.Sprintf("%s/%d", topic, next)},
			{Key: fieldTopic, Value: topic}, {Key: "number", Value: next}, {Key: "topicId", Value: topicID}}})
		if err != nil {
			return 0, err
		}
		if len(there) == 0 {
			return next, nil
		} // somebody was first: look again
	}
}

// Incarnations are all lives of topics that the store knows, by topic and
// number.
func (s *Store) Incarnations(ctx context.Context) ([]Incarnation, error) {
	cur, err := s.db.Collection(incarnationsName).Find(ctx, bson.D{})
	if err != nil {
		return nil, away(err)
	}
	var all []Incarnation
	if err := cur.All(ctx, &all); err != nil {
		return nil, away(err)
	}
	slices.SortFunc(all, func(a, b Incarnation) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Number, b.Number))
	})
	return all, nil
}
