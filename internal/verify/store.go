package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Store is a copy of events outside of the brokers, as the auditor compares it:
// how many events of a run of a partition's offsets, the second not among them,
// it holds of each day (UTC, by the records' time stamps), and the sum of their
// RecordSum.
type Store interface {
	Days(ctx context.Context, topic string, partition int32, from, to int64) (map[Day]DaySum, error)
}

// Day is a day of UTC: days since 1970.
type Day int64

// DaySum is how many events there are of a day, and the sum of their sums.
type DaySum struct {
	Count int64
	Sum   uint64
}

// RecordSum stands for one record: FNV-1a, 64 bits, of its offset (decimal),
// key and value, each behind its length (4 bytes, big endian).
func RecordSum(offset int64, key, value []byte) uint64 {
	return sumOf(fmt.Appendf(nil, "%d", offset), key, value)
}

// DayOf is the day of a time stamp.
func DayOf(at time.Time) Day { return Day(at.Unix() / int64((24 * time.Hour).Seconds())) }

// Stored compares topics with the store by partition and day, as far as topics
// go back.
func (l *Log) Stored(ctx context.Context, s Store, topics []string) (*Check, error) {
	c := newCheck("store")
	if s == nil {
		c.undecided("there is no store to compare with")
		return c, nil
	}
	held, err := l.held(ctx, true, topics...)
	if err != nil {
		return nil, err
	}
	for topic, ps := range held {
		for p, at := range ps {
			log := map[Day]DaySum{}
			one := spans{}
			one.set(topic, p, at)
			err := l.read(ctx, one, false, func(r *kgo.Record) error {
				c.Counts["records"]++
				d := log[DayOf(r.Timestamp)]
				log[DayOf(r.Timestamp)] = DaySum{d.Count + 1, d.Sum + RecordSum(r.Offset, r.Key, r.Value)}
				return nil
			})
			if err != nil {
				return nil, err
			}
			stored, err := s.Days(ctx, topic, p, at.from, at.to)
			if err != nil {
				return nil, err
			}
			c.days(fmt.Sprintf("%s/%d", topic, p), log, stored)
		}
	}
	return c, nil
}

func (c *Check) days(where string, log, stored map[Day]DaySum) {
	for day := range stored {
		if _, both := log[day]; !both {
			log[day] = DaySum{}
		}
	}
	for day, have := range log {
		c.Counts["days"]++
		if got := stored[day]; got != have {
			kind := "store differs"
			if got.Count != have.Count {
				kind = "store has another count"
			}
			c.found(kind, where, "", time.Unix(int64(day)*86400, 0).UTC().Format(time.DateOnly))
		}
	}
}
