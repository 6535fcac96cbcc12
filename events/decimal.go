package events

import (
	"errors"
	"math/big"
	"strings"
)

// Decimal is an exact number with up to DecimalPlaces decimals and 24 digits
// before the point: money, and any other number of a body. The zero value is 0.
// It is never changed: Add gives another.
type Decimal struct{ units big.Int } // of 10^-DecimalPlaces

// DecimalPlaces are the decimals of a Decimal; what is finer is refused.
const DecimalPlaces = 12

const decimalDigits = 24 // before the point

// ErrDecimal says that a text is not such a number. It does not repeat the text.
var ErrDecimal = errors.New("not a decimal number of at most 24 digits and 12 decimals")

var maxDecimal = new(big.Int).Exp(big.NewInt(10), big.NewInt(decimalDigits+DecimalPlaces), nil)

// ParseDecimal reads a number as JSON writes it, also with an exponent.
func ParseDecimal(s string) (d Decimal, err error) {
	digits, exponent, ok := decimalParts(s)
	shift := exponent + DecimalPlaces
	if !ok || shift < 0 || shift+len(digits) > 2*(decimalDigits+DecimalPlaces) {
		return Decimal{}, ErrDecimal
	}
	if _, ok := d.units.SetString(digits+strings.Repeat("0", shift), 10); !ok || d.units.CmpAbs(maxDecimal) >= 0 {
		return Decimal{}, ErrDecimal
	}
	if s[0] == '-' {
		d.units.Neg(&d.units)
	}
	return d, nil
}

// decimalParts are the digits of a number without its sign, point and closing
// zeros, and the power of ten that they count.
func decimalParts(s string) (digits string, exponent int, ok bool) {
	s = strings.TrimPrefix(s, "-")
	mantissa := s
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		power := s[i+1:]
		mantissa = s[:i]
		sign, rest := 1, strings.TrimPrefix(power, "+")
		if rest == power && strings.HasPrefix(power, "-") {
			sign, rest = -1, power[1:]
		}
		if !allDigits(rest) || len(rest) > 3 {
			return "", 0, false
		}
		for _, c := range rest {
			exponent = exponent*10 + int(c-'0')
		}
		exponent *= sign
	}
	whole, decimals, point := strings.Cut(mantissa, ".")
	if !allDigits(whole) || len(whole) > 1 && whole[0] == '0' || point && !allDigits(decimals) {
		return "", 0, false
	}
	digits = strings.TrimRight(decimals, "0")
	exponent -= len(digits)
	if digits = strings.TrimLeft(whole+digits, "0"); digits == "" {
		return "0", 0, true
	}
	return digits, exponent, true
}

func allDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// Add is the exact sum; ok is false where it is too large.
func (d Decimal) Add(e Decimal) (sum Decimal, ok bool) {
	sum.units.Add(&d.units, &e.units)
	return sum, sum.units.CmpAbs(maxDecimal) < 0
}

// Compare is -1, 0 or 1.
func (d Decimal) Compare(e Decimal) int { return d.units.Cmp(&e.units) }

// Micros is the number in millionths, rounded up; ok is false for one that is
// negative or does not fit.
func (d Decimal) Micros() (n int64, ok bool) {
	var rest big.Int
	q, _ := new(big.Int).QuoRem(&d.units, big.NewInt(1_000_000), &rest)
	if d.units.Sign() < 0 || !q.IsInt64() {
		return 0, false
	}
	if n = q.Int64(); rest.Sign() > 0 {
		n++
	}
	return n, n >= 0
}

// DecimalOfMicros is a number of millionths.
func DecimalOfMicros(n int64) (d Decimal) {
	d.units.Mul(big.NewInt(n), big.NewInt(1_000_000))
	return d
}

// String writes the number without exponent and without closing zeros, but for
// the second decimal of one that has decimals: 144, 144.50, 0.125.
func (d Decimal) String() string {
	s := new(big.Int).Abs(&d.units).String()
	if len(s) <= DecimalPlaces {
		s = strings.Repeat("0", DecimalPlaces+1-len(s)) + s
	}
	whole, decimals := s[:len(s)-DecimalPlaces], strings.TrimRight(s[len(s)-DecimalPlaces:], "0")
	if decimals != "" {
		whole += "." + decimals
		if len(decimals) == 1 {
			whole += "0"
		}
	}
	if d.units.Sign() < 0 {
		return "-" + whole
	}
	return whole
}
