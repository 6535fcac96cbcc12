package processors

import (
	"slices"
	"strings"
	"testing"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

func TestOnlyRegisteredTagsAreCountedAlone(t *testing.T) {
	long := strings.Repeat("x", 300)
	known := []string{"gold", "silver", "~other", "__x", "a\nb", "", long}
	for _, c := range []struct{ tags, want []string }{
		{nil, []string{events.Untagged}},
		{[]string{"gold", "silver"}, []string{"gold", "silver"}},
		{[]string{"a1", "a2", "gold"}, []string{"gold", events.OtherTag}},
		{[]string{"~other"}, []string{events.OtherTag}},
		{[]string{"", "__x", "a\nb", long, "~untagged"}, []string{events.OtherTag}},
	} {
		var got []string
		for _, o := range Delivered(events.Envelope{ID: "e1", Type: "T", Tags: c.tags, ReceivedAt: 5}, known, 7) {
			e := o.Value.(events.EventDelivered)
			if err := e.Validate(); err != nil || o.Key != e.Subject() || o.Topic != "" {
				t.Errorf("%+v: %v", e, err)
			}
			got = append(got, o.Key)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q is counted as %q, want %q", c.tags, got, c.want)
		}
	}
}

func TestAnEventIsNeverDeliveredBeforeItCame(t *testing.T) {
	out := Delivered(events.Envelope{ID: "e1", Type: "T", ReceivedAt: 50}, nil, 7)
	if at := out[0].Value.(events.EventDelivered).At; at != 50 {
		t.Errorf("at %d", at)
	}
}

func TestLatenessIsByDelivery(t *testing.T) {
	at := events.InstantOf(time.Date(2026, 3, 10, 12, 1, 0, 0, time.UTC))
	row, out := FoldEventDelivered(tables.SLA{}, topology.Record[events.EventDelivered]{Key: "gold", At: at.Time(),
		Body: events.EventDelivered{Tag: "gold", ReceivedAt: at - 3_000_000, At: at}})
	if len(out) > 0 || len(row.Windows) != 1 || row.Windows[0].Start.Time().Minute() != 0 || row.Windows[0].MaxMicros != 3_000_000 || row.Tag != "gold" {
		t.Errorf("%+v", row)
	}
}
