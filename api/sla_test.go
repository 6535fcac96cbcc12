package api_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// slaRows serves one tag; its synthetic row is another.
type slaRows struct{ rows }

func (slaRows) Views() []topology.Served {
	return []topology.Served{{View: topology.View{Name: "sla", Key: "tag", Doc: "Times."}, Row: reflect.TypeFor[tables.SLA]()}}
}

func (slaRows) Get(_ context.Context, _, key string, synthetic bool) (topology.Answer, error) {
	if key != "gold" {
		return topology.Answer{}, topology.ErrNotFound
	}
	var r tables.SLA
	now := time.Now()
	if synthetic {
		r = r.With(key, events.InstantOf(now), time.Second)
	} else {
		r = r.With(key, events.InstantOf(now.Add(-3*time.Hour)), time.Hour)
		for range 99 {
			r = r.With(key, events.InstantOf(now), 10*time.Millisecond)
		}
		r = r.With(key, events.InstantOf(now.Add(-30*time.Minute)), 2*time.Second)
	}
	return topology.Answer{Key: key, Row: r}, nil
}

func TestSLA(t *testing.T) {
	_, body := ask(t, slaRows{}, "GET", "/v1/sla?tag=gold")
	total, _ := body["total"].(map[string]any)
	if total["count"] != 100.0 || total["max_ms"] != 2000.0 || total["p50_ms"].(float64) < 10 || total["p50_ms"].(float64) > 12 || total["p99_ms"].(float64) > 12 || len(body["windows"].([]any)) != 2 {
		t.Errorf("%v", body)
	}
	_, body = ask(t, slaRows{}, "GET", "/v1/sla?tag=gold&minutes=1440")
	if total, _ := body["total"].(map[string]any); total["count"] != 101.0 || total["max_ms"] != 3600_000.0 {
		t.Errorf("%v", body)
	}
	_, body = ask(t, slaRows{}, "GET", "/v1/sla?tag=gold&synthetic=true")
	if total, _ := body["total"].(map[string]any); total["count"] != 1.0 {
		t.Errorf("%v", body)
	}
	for path, want := range map[string]int{"/v1/sla": 422, "/v1/sla?tag=": 422, "/v1/sla?tag=gold&minutes=4": 422, "/v1/sla?tag=gold&minutes=1441": 422, "/v1/sla?tag=other": 404} {
		if resp, body := ask(t, slaRows{}, "GET", path); resp.Code != want {
			t.Errorf("%s: %d %v", path, resp.Code, body)
		}
	}
}
