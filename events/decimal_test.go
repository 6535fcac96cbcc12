package events_test

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"payerflow/events"
)

func TestDecimalReadsAndWrites(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "144.00": "144", "144.5": "144.50", "0.125": "0.125", "-1.25e2": "-125", "1E-3": "0.001", "5e+2": "500", "0.000000000001": "0.000000000001",
		"999999999999999999999999.999999999999": "999999999999999999999999.999999999999", "1e23": "1" + strings.Repeat("0", 23), "100": "100", "0e999": "0",
	} {
		d, err := events.ParseDecimal(text)
		if err != nil || d.String() != want {
			t.Errorf("%s is %s, %v; want %s", text, d, err, want)
		}
	}
	for _, text := range []string{"", "-", ".5", "5.", "01", "1e", "1e+", "1e24", "1e999", "1e-13", "1e99999999999", "0.0000000000001", "NaN", "Infinity", "0x10", "1_000", " 1", "+1", "1,5", "--1", "1e--1", "1e+-1", "\u0661"} {
		if d, err := events.ParseDecimal(text); err == nil {
			t.Errorf("%q is taken for %s", text, d)
		}
	}
}

// Sums are those of exact fractions.
func TestDecimalSumsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sum, want := events.Decimal{}, new(big.Rat)
		for _, text := range rapid.SliceOf(rapid.StringMatching(`-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,12})?`)).Draw(t, "numbers") {
			d, err := events.ParseDecimal(text)
			if err != nil {
				t.Fatal(text, err)
			}
			var ok bool
			if sum, ok = sum.Add(d); !ok {
				t.Fatal("too large")
			}
			r, _ := new(big.Rat).SetString(text)
			want.Add(want, r)
		}
		got, _ := new(big.Rat).SetString(sum.String())
		if got.Cmp(want) != 0 {
			t.Errorf("%s, want %s", sum, want.FloatString(12))
		}
	})
}

func TestDecimalMicros(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "1": 1_000_000, "0.0000001": 1, "2.5": 2_500_000, "-1": -1, "99999999999999": -1} {
		d, _ := events.ParseDecimal(text)
		n, ok := d.Micros()
		if ok != (want >= 0) || ok && n != want {
			t.Errorf("%s is %d %v", text, n, ok)
		}
	}
	if events.DecimalOfMicros(2_500_000).String() != "2.50" {
		t.Error(events.DecimalOfMicros(2_500_000).String())
	}
}
