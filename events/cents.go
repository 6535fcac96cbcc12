package events

// Cents is an amount as billing topics carry it: an integer of US cents.
type Cents int64

// maxCents is the largest amount of one invoice or payment.
const maxCents Cents = 999_999_999_999_999

// Money is the amount as it is reckoned with.
func (c Cents) Money() Money { return Money(c) }

func (c Cents) owed() bool { return c >= 0 && c <= maxCents }
func (c Cents) paid() bool { return c >= 1 && c <= maxCents }
