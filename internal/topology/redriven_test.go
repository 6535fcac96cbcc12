package topology

import "testing"

func TestARedrivenRecordKeepsItsIdentityAndFirstPlace(t *testing.T) {
	rec := &Raw{Topic: "a.b.c", Partition: 3, Offset: 42, Headers: []Header{{"traceparent", []byte("x")}, {HeaderTopic, []byte("forged")}}}
	if rec.Redriven() || rec.First() != (Position{"a.b.c", 3, 42}) {
		t.Errorf("%+v", rec.First())
	}
	once := &Raw{Topic: "a.b.c", Partition: 3, Offset: 77, Headers: Redrive(rec, Position{"a.b.c.dlq", 3, 5}, "id-1")}
	if !once.Redriven() || once.First() != rec.First() || string(once.Header(HeaderID)) != "id-1" || once.Header(HeaderTopic) != nil || string(once.Header("traceparent")) != "x" {
		t.Errorf("%q", once.Headers)
	}
	again := &Raw{Topic: "a.b.c", Partition: 3, Offset: 99, Headers: Redrive(once, Position{"a.b.c.dlq", 3, 9}, "id-2")}
	if again.First() != rec.First() || string(again.Header(HeaderID)) != "id-1" || string(again.Header(HeaderRedriven)) != "a.b.c.dlq/3/9" || len(again.Headers) != len(once.Headers) {
		t.Errorf("%q", again.Headers)
	}
	for _, forged := range [][]Header{{{HeaderFirstTopic, []byte("x")}}, {{HeaderFirstTopic, []byte("x")}, {HeaderFirstPartition, []byte("-1")}, {HeaderFirstOffset, []byte("2")}},
		{{HeaderFirstTopic, []byte("x")}, {HeaderFirstPartition, []byte("1")}, {HeaderFirstOffset, []byte("no")}}} {
		if got := (&Raw{Topic: "a.b.c", Partition: 3, Offset: 42, Headers: forged}).First(); got != rec.First() {
			t.Errorf("%q is believed: %+v", forged, got)
		}
	}
}
