package verify

import (
	"context"
	"fmt"
)

// Offsets looks whether positions of groups lie within what topics hold: one
// beyond the end has skipped what comes next, one before the beginning has lost
// what was deleted.
func (l *Log) Offsets(ctx context.Context, followers []Follower) (*Check, error) {
	c := newCheck("offsets")
	var topics []string
	for _, f := range followers {
		topics = append(topics, f.Topic)
	}
	at, err := l.committed(ctx, followers)
	if err != nil {
		return nil, err
	}
	held, err := l.held(ctx, false, topics...) // after the positions: ends only grow
	if err != nil {
		return nil, err
	}
	for _, f := range followers {
		for p, s := range held[f.Topic] {
			next, some := at[f][p]
			where := fmt.Sprintf("%s of %s", f.Topic, f.Group)
			switch {
			case !some:
				c.Counts["without a position"]++
			case next > s.to:
				c.found("beyond the end", where, "", fmt.Sprintf("%d/%d", p, next))
			case next < s.from && s.to > s.from:
				c.found("before the beginning", where, "", fmt.Sprintf("%d/%d", p, next))
			default:
				c.Counts["positions"]++
				c.Counts["to be folded"] += s.to - next
			}
		}
	}
	return c, nil
}
