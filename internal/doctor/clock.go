package doctor

import (
	"fmt"
	"time"
)

// sample is another clock's reading, taken between two of ours. The other one
// shows told from then on until within later.
type sample struct {
	of            string
	before, after time.Time
	told          time.Time // zero: it does not tell
	within        time.Duration
}

// apart is the least by which the two clocks differ: what the way there and
// back and the other's coarse ticks explain is not counted. It is positive
// where ours is ahead.
func (s sample) apart() time.Duration {
	if ahead := s.before.Sub(s.told.Add(s.within)); ahead > 0 {
		return ahead
	}
	if behind := s.told.Sub(s.after); behind > 0 {
		return -behind
	}
	return 0
}

const (
	apartWarn = time.Second
	apartFail = 30 * time.Second
)

// clock judges the first of the samples that was told.
func clock(samples ...sample) Finding {
	const check = "clock"
	for _, s := range samples {
		if s.told.IsZero() {
			continue
		}
		d := s.apart()
		found := "agrees with " + s.of
		if d != 0 {
			where := "ahead of"
			if d < 0 {
				where = "behind"
			}
			found = fmt.Sprintf("at least %s %s %s", d.Abs().Round(time.Millisecond), where, s.of)
		}
		const do = "set this machine and the servers by NTP: deadlines and time stamps are by these clocks"
		switch {
		case d.Abs() > apartFail:
			return fail(check, found, do)
		case d.Abs() > apartWarn:
			return warn(check, found, do)
		}
		return ok(check, found)
	}
	return Finding{check, Skipped, "neither broker nor registry told its time", "say --probe: the broker then stamps a record"}
}
