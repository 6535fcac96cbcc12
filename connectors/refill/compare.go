package refill

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"payerflow/connectors/hydrate"
	"payerflow/connectors/store"
	"payerflow/internal/topology"
)

// Sum is how many records there are, and their checksum (store.Placed).
type Sum struct {
	Count    int64  `json:"count"`
	Checksum uint64 `json:"checksum"`
}

func (s *Sum) add(h store.Held) {
	s.Count++
	s.Checksum += store.Placed(h.Checksum, h.Offset)
}

// Gap is a day (UTC, of the records' time stamps) of a partition that topic and
// store do not have alike.
type Gap struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Day       string `json:"day"`
	InTopic   Sum    `json:"inTopic"`
	InStore   Sum    `json:"inStore"`
	NotStored int64  `json:"missingInStore"`
	NotThere  int64  `json:"missingInTopic"`
	Differ    int64  `json:"different"` // the same record, and other bytes
}

// Result is what a comparison found.
type Result struct {
	Partitions int   `json:"partitions"`
	Records    int64 `json:"records"` // alike
	Days       int   `json:"days"`    // alike
	Waiting    int64 `json:"waiting"` // the sink has yet to store them
	Gaps       []Gap `json:"gaps"`
}

// Refill compares and fills. It is for one goroutine.
type Refill struct {
	*hydrate.Copy
	Read *hydrate.Reader
	// Earlier counts what the store has of a topic's earlier lives as missing
	// also where the topic went on without it.
	Earlier bool
	Total   func(int64) // of records to be looked at or written, as it grows; may be nil
	Passed  func(int64) // may be nil
	fault   func()      // a test's, before each transaction
}

// side is one partition, as the topic and as the store have it.
type side struct {
	topic     string
	partition int32
	life      hydrate.Life
	compacted bool
	start     int64
	end       int64                 // last stable offset, 0 where there is no topic
	stored    int64                 // up to where the sink has committed
	lying     []hydrate.Lying       // in the topic, without their records
	held      []store.Held          // what the topic should have, by life and offset
	there     map[store.ID]uint64   // in the topic
	sums      map[store.ID]uint64   // in the store
	below     map[store.Shelf]int64 // what the store has forgotten by its own rule
}

// Compare looks at topics, and tells each gap.
func (r *Refill) Compare(ctx context.Context, topics []string) (Result, error) {
	out := Result{Gaps: []Gap{}}
	err := r.each(ctx, topics, func(s *side) error {
		out.Partitions++
		days := s.days(&out)
		for _, g := range days {
			if g.NotStored+g.NotThere+g.Differ > 0 {
				out.Gaps = append(out.Gaps, *g)
			} else {
				out.Days++
			}
		}
		return nil
	})
	slices.SortFunc(out.Gaps, func(a, b Gap) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), strings.Compare(a.Day, b.Day))
	})
	return out, err
}

// days sorts what is there by day.
func (s *side) days(out *Result) map[string]*Gap {
	days := map[string]*Gap{}
	day := func(h store.Held) *Gap {
		name := h.Time.Format(time.DateOnly)
		if days[name] == nil {
			days[name] = &Gap{Topic: s.topic, Partition: s.partition, Day: name}
		}
		return days[name]
	}
	for _, l := range s.lying {
		sum, ok := s.sums[l.ID]
		switch {
		case !ok && l.Offset < s.below[l.Shelf]:
			continue // forgotten, not lost
		case !ok && l.At >= s.stored && l.Incarnation == s.life.Number:
			out.Waiting++
			continue
		case !ok:
			day(l.Held).NotStored++
		case sum != l.Checksum:
			day(l.Held).Differ++
		default:
			out.Records++
		}
		day(l.Held).InTopic.add(l.Held)
	}
	for _, h := range s.held {
		if _, ok := s.there[h.ID]; !ok {
			if s.compacted && len(s.lying) > 0 {
				continue // a later one of its key stands for it
			}
			day(h).NotThere++
		}
		day(h).InStore.add(h)
	}
	return days
}

// each looks at every partition that the cluster or the store has of topics.
func (r *Refill) each(ctx context.Context, topics []string, do func(*side) error) error {
	lives, err := r.Lives(ctx, topics...)
	if err != nil {
		return err
	}
	shelves, err := r.Store.Shelves(ctx)
	if err != nil {
		return err
	}
	below, err := r.Store.Below(ctx)
	if err != nil {
		return err
	}
	for _, topic := range topics {
		count := lives[topic].Partitions
		for _, s := range shelves {
			if s.Topic == topic {
				count = max(count, int(s.Partition)+1)
			}
		}
		for p := range int32(count) {
			s := &side{topic: topic, partition: p, life: lives[topic], below: below, compacted: topic == hydrate.SchemasTopic}
			if err := r.look(ctx, s, shelves); err != nil {
				return err
			}
			if err := do(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// look reads both sides of a partition.
func (r *Refill) look(ctx context.Context, s *side, shelves []store.Shelf) error {
	s.there, s.sums, s.lying, s.held = map[store.ID]uint64{}, map[store.ID]uint64{}, nil, nil
	if err := r.offsets(ctx, s); err != nil {
		return err
	}
	r.total(s.end - s.start)
	marked := map[store.Shelf]int64{} // the first that came back, by shelf
	own := store.Shelf{Topic: s.topic, Incarnation: s.life.Number, Partition: s.partition}
	last := s.start
	err := r.Scan(ctx, hydrate.Range{Shelf: own, From: s.start, To: s.end}, s.compacted, func(l hydrate.Lying) error {
		l.Record = nil
		s.lying, s.there[l.ID] = append(s.lying, l), l.Checksum
		if first, ok := marked[l.Shelf]; l.Shelf != own && (!ok || l.Offset < first) {
			marked[l.Shelf] = l.Offset
		}
		r.passed(l.At + 1 - last)
		last = l.At + 1
		return nil
	})
	if err != nil {
		return err
	}
	r.passed(s.end - last)
	for _, shelf := range s.expected(shelves, own, marked, r.Earlier) {
		from := s.start
		if shelf != own {
			from = marked[shelf] // 0 where nothing came back yet
			if r.Earlier {
				from = 0
			}
		}
		var held []store.Held
		if err := r.Store.Held(ctx, shelf, from, store.End, func(h store.Held) error { held = append(held, h); return nil }); err != nil {
			return err
		}
		_, back := marked[shelf]
		if len(held) > 0 && len(s.held) > 0 && !back && !r.Earlier && held[len(held)-1].Offset >= s.held[0].Offset {
			break // another topic of the same name, and so are those before it
		}
		s.held = append(held, s.held...)
	}
	for _, h := range s.held {
		s.sums[h.ID] = h.Checksum
	}
	return nil
}

// expected are the shelves that the topic should have, newest first: the one of
// its life, and those of lives that came back into it, or that would where it
// holds nothing of its own.
func (s *side) expected(shelves []store.Shelf, own store.Shelf, marked map[store.Shelf]int64, earlier bool) (out []store.Shelf) {
	foreign := !earlier && len(s.lying) > 0 && len(marked) == 0 // it has records, and none came back
	for _, shelf := range shelves {
		if shelf.Topic != s.topic || shelf.Partition != s.partition || shelf.Incarnation > own.Incarnation && own.Incarnation > 0 {
			continue
		}
		if _, back := marked[shelf]; shelf == own || back || !foreign {
			out = append(out, shelf)
		}
	}
	slices.SortFunc(out, func(a, b store.Shelf) int { return cmp.Compare(b.Incarnation, a.Incarnation) })
	return out
}

// offsets asks where a partition begins and ends, and how far it is stored.
func (r *Refill) offsets(ctx context.Context, s *side) error {
	if s.life.Partitions <= int(s.partition) {
		return nil // it is not there
	}
	for _, one := range []struct {
		ask func(context.Context, ...string) (kadm.ListedOffsets, error)
		to  *int64
	}{{r.Admin.ListStartOffsets, &s.start}, {r.Admin.ListCommittedOffsets, &s.end}} {
		all, err := one.ask(ctx, s.topic)
		at, ok := all.Lookup(s.topic, s.partition)
		if err == nil && ok {
			err = at.Err
		}
		if err != nil || !ok {
			return fmt.Errorf("offsets of %s/%d: %w: %w", s.topic, s.partition, topology.ErrUnavailable, err)
		}
		*one.to = at.Offset
	}
	at, _ := r.Admin.FetchOffsets(ctx, hydrate.Group) // without one, nothing waits to be stored
	o, _ := at.Lookup(s.topic, s.partition)
	s.stored = max(o.At, 0)
	return nil
}

func (r *Refill) total(n int64) {
	if r.Total != nil {
		r.Total(n)
	}
}

func (r *Refill) passed(n int64) {
	if r.Passed != nil {
		r.Passed(n)
	}
}
