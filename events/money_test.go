package events_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"payerflow/events"
)

func TestMoneyReadsAndWritesOneText(t *testing.T) {
	for _, c := range []struct {
		text string
		want events.Money
	}{
		{"0.00", 0},
		{"0.01", 1},
		{"-0.01", -1},
		{"0.99", 99},
		{"-0.99", -99},
		{"144.00", 14400},
		{"-144.05", -14405},
		{"9999999999999999.99", events.MaxMoney},
		{"-9999999999999999.99", -events.MaxMoney},
	} {
		got, err := events.ParseMoney(c.text)
		if err != nil || got != c.want {
			t.Errorf("ParseMoney(%q) = %d, %v; want %d", c.text, got, err, c.want)
		}
		if got := c.want.String(); got != c.text {
			t.Errorf("Money(%d).String() = %q; want %q", c.want, got, c.text)
		}
	}
}

func TestMoneyReadsWhatItNeverWrites(t *testing.T) {
	for text, want := range map[string]events.Money{"007.00": 700, "-0.00": 0, "0000000000000000.07": 7} {
		if got, err := events.ParseMoney(text); err != nil || got != want {
			t.Errorf("ParseMoney(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestMoneyRefuses(t *testing.T) {
	for _, text := range []string{
		"1e3", "1e3.00", "+1.00", " 1.00", "1.00 ", "1.0", "1.000", "1.", "1", "", "-", ".", ".00", "-.00", "--1.00", "1.-1", "1,00", "1_0.00",
		"0x1.00", "NaN", "1.0a", "a.00", "１.00", "1\x00.00", "1.00\n",
		"10000000000000000.00", "99999999999999999.99", "-10000000000000000.00", "92233720368547758.08", strings.Repeat("9", 400) + ".00",
	} {
		got, err := events.ParseMoney(text)
		if !errors.Is(err, events.ErrMoney) || got != 0 {
			t.Errorf("ParseMoney(%q) = %d, %v; want ErrMoney", text, got, err)
		}
		var m events.Money
		if err := m.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("UnmarshalText(%q) took it", text)
		}
	}
}

func TestMoneyErrorDoesNotRepeatTheText(t *testing.T) {
	_, err := events.ParseMoney("canary-4711")
	if err == nil || strings.Contains(err.Error(), "4711") {
		t.Errorf("error = %v", err)
	}
}

func TestMoneyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := events.Money(rapid.Int64().Draw(t, "cents"))
		text, err := m.MarshalText()
		if m > events.MaxMoney || m < -events.MaxMoney {
			if err == nil {
				t.Fatalf("%d beyond MaxMoney was written as %q", int64(m), text)
			}
			return
		}
		if err != nil || string(text) != m.String() {
			t.Fatalf("MarshalText of %d = %q, %v; String = %q", int64(m), text, err, m)
		}
		var back events.Money
		if err := back.UnmarshalText(text); err != nil || back != m {
			t.Fatalf("%d -> %q -> %d, %v", int64(m), text, int64(back), err)
		}
	})
}

// Every text that is taken is taken for the amount that is written back, but
// for leading zeros and the sign of zero.
func TestMoneyParsesOnlyAmounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9+ e.]{0,19}`).Draw(t, "text")
		m, err := events.ParseMoney(text)
		if err != nil {
			return
		}
		canonical := strings.TrimLeft(strings.TrimPrefix(text, "-"), "0")
		if strings.HasPrefix(canonical, ".") {
			canonical = "0" + canonical
		}
		if m < 0 {
			canonical = "-" + canonical
		}
		if m.String() != canonical {
			t.Fatalf("%q was read as %s", text, m)
		}
	})
}

func TestMoneyIsATextInJSON(t *testing.T) {
	got, err := json.Marshal(map[string]events.Money{"a": -5})
	if err != nil || string(got) != `{"a":"-0.05"}` {
		t.Errorf("got %s, %v", got, err)
	}
	for _, doc := range []string{`{"a":5}`, `{"a":1.00}`, `{"a":"5"}`, `{"a":true}`} {
		var m map[string]events.Money
		if err := json.Unmarshal([]byte(doc), &m); err == nil {
			t.Errorf("%s was read as %v", doc, m)
		}
	}
	if _, err := json.Marshal(events.MaxMoney + 1); err == nil {
		t.Error("an amount that no reader takes was written")
	}
}

func TestMoneyAdd(t *testing.T) {
	for _, c := range []struct {
		m, n, sum events.Money
		ok        bool
	}{
		{1, 2, 3, true},
		{-1, -2, -3, true},
		{events.MaxMoney, 0, events.MaxMoney, true},
		{events.MaxMoney - 1, 1, events.MaxMoney, true},
		{events.MaxMoney, -events.MaxMoney, 0, true},
		{events.MaxMoney, 1, 0, false},
		{-events.MaxMoney, -1, 0, false},
		{events.MaxMoney, events.MaxMoney, 0, false},
		{math.MaxInt64, math.MaxInt64, 0, false},
		{math.MinInt64, math.MinInt64, 0, false},
		{math.MinInt64, math.MaxInt64, 0, false},
	} {
		if sum, ok := c.m.Add(c.n); sum != c.sum || ok != c.ok {
			t.Errorf("%d + %d = %d, %v; want %d, %v", int64(c.m), int64(c.n), int64(sum), ok, int64(c.sum), c.ok)
		}
		if sum, ok := c.n.Add(c.m); sum != c.sum || ok != c.ok {
			t.Errorf("%d + %d = %d, %v; want %d, %v", int64(c.n), int64(c.m), int64(sum), ok, int64(c.sum), c.ok)
		}
	}
}

func FuzzParseMoney(f *testing.F) {
	for _, seed := range []string{"144.00", "-0.01", "0.00", "9999999999999999.99", "10000000000000000.00", "1e3", "", "-", ".00", "1.000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := events.ParseMoney(text)
		if err != nil {
			if m != 0 || strings.Contains(err.Error(), text) && len(text) > 8 {
				t.Fatalf("refused with %d, %v", m, err)
			}
			return
		}
		again, err := events.ParseMoney(m.String())
		if err != nil || again != m {
			t.Fatalf("%q -> %d -> %q -> %d, %v", text, int64(m), m, int64(again), err)
		}
		if len(text) > 20 || strings.Trim(text, "-.0123456789") != "" {
			t.Fatalf("%q is no amount", text)
		}
	})
}
