package embedded

import (
	"fmt"
	"net/http"
	"testing"
)

func TestLevelsOverHTTP(t *testing.T) {
	const (
		base     = `{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}`
		optional = `{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int","default":0}]}`
		required = `{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]}`
		empty    = `{"type":"record","name":"R","fields":[]}`
		other    = `{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}`
	)
	_, r := pair(t)
	for i, c := range []struct {
		level   string
		history []string
		next    string
		ok      bool
	}{
		{levelNone, []string{base}, other, true},
		{levelBackward, []string{base}, other, false},
		{levelBackward, []string{base}, optional, true},
		{levelBackward, []string{base}, required, false},
		{levelBackward, []string{base}, empty, true},
		{levelBackward, []string{base, optional}, required, true}, // the last only
		{levelBackwardTransitive, []string{base, optional}, required, false},
		{levelBackwardTransitive, []string{base, optional}, empty, true},
		{levelForward, []string{base}, required, true},
		{levelForward, []string{base}, empty, false},
		{levelForward, []string{optional}, base, true},
		{levelForward, []string{required, optional}, base, true}, // the last only
		{levelForwardTransitive, []string{required, optional}, base, false},
		{levelForwardTransitive, []string{base, optional}, required, true},
		{levelFull, []string{base}, optional, true},
		{levelFull, []string{optional}, base, true},
		{levelFull, []string{base}, required, false},
		{levelFull, []string{base}, empty, false},
		{levelFull, []string{required, optional}, base, true}, // the last only
		{levelFullTransitive, []string{required, optional}, base, false},
		{levelFullTransitive, []string{base}, optional, true},
	} {
		t.Run(fmt.Sprint(i, c.level), func(t *testing.T) {
			subject := fmt.Sprintf("%s/subjects/s%d", r.URL(), i)
			config := fmt.Sprintf("%s/config/s%d", r.URL(), i)
			call(t, "PUT", config, `{"compatibility":"NONE"}`)
			for _, text := range c.history {
				if a := call(t, "POST", subject+"/versions", schemaOf(text)); a.status != 200 {
					t.Fatal(a.body)
				}
			}
			call(t, "PUT", config, `{"compatibility":"`+c.level+`"}`)
			test := fmt.Sprintf("%s/compatibility/subjects/s%d/versions", r.URL(), i)
			call(t, "POST", test, schemaOf(c.next)).is(200, fmt.Sprintf(`{"is_compatible":%t}`, c.ok))
			a := call(t, "POST", subject+"/versions", schemaOf(c.next))
			if c.ok != (a.status == http.StatusOK) {
				t.Fatal(a.body)
			}
			if !c.ok {
				a.fails(409, 409)
			}
		})
	}
}
