package tables

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"payerflow/events"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

type delivery struct {
	at   time.Time
	took time.Duration
}

func fold(ds []delivery) (r SLA) {
	for _, d := range ds {
		r = r.With("gold", events.InstantOf(d.at), d.took)
	}
	return r
}

func TestSLAIsTheSameInAnyOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var ds []delivery
	for range 2000 {
		ds = append(ds, delivery{noon.Add(time.Duration(rnd.Int64N(int64(40 * time.Hour)))), time.Duration(rnd.ExpFloat64() * float64(time.Second))})
	}
	want := fold(ds)
	for range 5 {
		rnd.Shuffle(len(ds), func(i, j int) { ds[i], ds[j] = ds[j], ds[i] })
		if got := fold(ds); !reflect.DeepEqual(got, want) {
			t.Fatal("another order gives another row")
		}
	}
	if n := len(want.Windows); n < 280 || n > 289 {
		t.Errorf("%d windows, want those of 24 hours", n)
	}
	if w := want.Windows[0]; w.Start.Time().Before(want.LastAt.Time().Add(-SLAKept - SLAStep)) {
		t.Errorf("the oldest window begins at %s", w.Start)
	}
}

func TestPercentilesAreAFifthTooLongAtMost(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var ds []delivery
	var took []time.Duration
	for range 5000 {
		d := time.Duration(rnd.ExpFloat64()*float64(80*time.Millisecond)) + 2*time.Millisecond
		took, ds = append(took, d.Truncate(time.Microsecond)), append(ds, delivery{noon.Add(time.Duration(len(ds)) * 100 * time.Millisecond), d})
	}
	slices.Sort(took)
	got := fold(ds).Between(noon, noon.Add(time.Hour))
	if got.Count != 5000 || got.Max != took[4999] {
		t.Errorf("%+v, the longest took %s", got, took[4999])
	}
	for p, d := range map[int]time.Duration{50: got.P50, 95: got.P95, 99: got.P99} {
		exact := took[len(took)*p/100-1]
		if d < exact || d > exact*6/5 {
			t.Errorf("p%d is %s, exactly %s", p, d, exact)
		}
	}
	if part := fold(ds).Between(noon, noon.Add(5*time.Minute)); part.Count != 3000 {
		t.Errorf("%d events of the first window, want 3000", part.Count)
	}
	if none := fold(ds).Between(noon.Add(time.Hour), noon.Add(2*time.Hour)); none != (Latency{}) {
		t.Errorf("%+v of no window", none)
	}
}

func TestBuckets(t *testing.T) {
	for n := range slaBuckets - 1 {
		end := bucketEnd(n)
		if bucketOf(end, slaBuckets) != n || bucketOf(end+1, slaBuckets) != n+1 || n > 0 && end <= bucketEnd(n-1) {
			t.Errorf("bucket %d ends at %d, which lies in %d", n, end, bucketOf(end, slaBuckets))
		}
	}
	if bucketOf(0, slaBuckets) != 0 || bucketOf(1<<62, slaBuckets) != slaBuckets-1 {
		t.Error("the first and the last take all")
	}
	far := fold([]delivery{{noon, 100 * time.Hour}, {noon, -time.Second}})
	if l := far.Between(noon, noon.Add(time.Hour)); l.Count != 2 || l.P99 != 100*time.Hour || l.P50 != time.Millisecond {
		t.Errorf("%+v", l)
	}
}
