package expire

import (
	"context"
	"time"

	"payerflow/connectors/hydrate"
)

// measured is how long growth is looked back at.
const measured = time.Hour

// room works out how long disks last.
type room struct{ samples []sample }

// sample is how full disks are at one moment.
type sample struct {
	at      time.Time
	written int64 // bytes
	free    int64 // of the fullest disk
}

// left is how many seconds the fullest disk lasts, as if all that is written
// went there; false where that is not known.
func (r *room) left(p *pass) (float64, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	now, ok := disks(ctx, p.copy)
	if p.Free != nil {
		free, err := p.Free()
		now.free, ok = free, ok && err == nil
	}
	if !ok {
		return 0, false
	}
	now.at = p.now
	for len(r.samples) > 1 && now.at.Sub(r.samples[1].at) >= measured {
		r.samples = r.samples[1:]
	}
	r.samples = append(r.samples, now)
	grown, took := int64(0), now.at.Sub(r.samples[0].at)
	for i, s := range r.samples[1:] {
		grown += max(0, s.written-r.samples[i].written) // what shrinks was deleted
	}
	if grown <= 0 || took <= 0 {
		return 0, false
	}
	return float64(now.free) / (float64(grown) / took.Seconds()), true
}

// disks is how much the brokers hold, and how much room the fullest of their
// disks has.
func disks(ctx context.Context, c *hydrate.Copy) (sample, bool) {
	all, err := c.Admin.DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return sample{}, false
	}
	out, some := sample{free: -1}, false
	for _, dirs := range all {
		for _, d := range dirs {
			if d.Err != nil || d.UsableBytes < 0 {
				continue
			}
			out.written, some = out.written+d.Size(), true
			if out.free < 0 || d.UsableBytes < out.free {
				out.free = d.UsableBytes
			}
		}
	}
	return out, some
}
