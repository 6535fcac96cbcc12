package events

import (
	"errors"
	"strconv"
)

// Money is an exact amount in US cents. Claims, eligibility and enrolment
// topics carry it as a decimal string ("144.00"), billing topics as an integer
// of cents; inside there is only this type and never a float.
type Money int64

// MaxMoney is the largest amount, 9999999999999999.99; the smallest is its
// negative. What lies beyond has no text on the wire.
const MaxMoney Money = 999_999_999_999_999_999

// ErrMoney says that a text is not an amount: an optional minus sign, one to
// sixteen digits, a point and exactly two digits. It does not repeat the text.
var ErrMoney = errors.New("not an amount with two decimals")

// ParseMoney reads the decimal string of the wire, for example "144.00".
// Exponents, plus signs, spaces, missing or extra decimals are refused.
func ParseMoney(s string) (Money, error) {
	digits, sign := s, int64(1)
	if len(digits) > 0 && digits[0] == '-' {
		digits, sign = digits[1:], -1
	}
	point := len(digits) - 3
	if point < 1 || point > 16 || digits[point] != '.' {
		return 0, ErrMoney
	}
	var cents int64
	for i := range len(digits) {
		if i == point {
			continue
		}
		d := int64(digits[i]) - '0'
		if d < 0 || d > 9 {
			return 0, ErrMoney
		}
		cents = cents*10 + d
	}
	return Money(sign * cents), nil
}

// String writes the decimal string of the wire.
func (m Money) String() string { return string(m.append(make([]byte, 0, 20))) }

// MarshalText writes the decimal string of the wire; JSON and Avro strings use
// it. It refuses an amount beyond MaxMoney, which no reader would take back.
func (m Money) MarshalText() ([]byte, error) {
	if m > MaxMoney || m < -MaxMoney {
		return nil, ErrMoney
	}
	return m.append(make([]byte, 0, 20)), nil
}

// UnmarshalText reads the decimal string of the wire.
func (m *Money) UnmarshalText(b []byte) (err error) {
	*m, err = ParseMoney(string(b))
	return err
}

func (m Money) append(b []byte) []byte {
	abs := uint64(m)
	if m < 0 {
		b, abs = append(b, '-'), -abs
	}
	b = strconv.AppendUint(b, abs/100, 10)
	return append(b, '.', byte('0'+abs/10%10), byte('0'+abs%10))
}

// Add returns the sum; ok is false where it, or a part of it, lies beyond
// MaxMoney.
func (m Money) Add(n Money) (sum Money, ok bool) {
	for _, part := range []Money{m, n, m + n} { // two parts within the range cannot wrap around
		if part > MaxMoney || part < -MaxMoney {
			return 0, false
		}
	}
	return m + n, true
}
