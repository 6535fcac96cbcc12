package events

import "time"

// Date is a calendar day as days since 1970-01-01, the Avro logical type
// `date`. As text it is yyyy-mm-dd.
type Date int32

// Instant is a point in time as microseconds since 1970-01-01T00:00:00Z, the
// Avro logical type `timestamp-micros`. As text it is RFC 3339 in UTC.
type Instant int64

// DateOf returns the UTC day of t.
func DateOf(t time.Time) Date {
	return Date(t.UTC().Truncate(24*time.Hour).Unix() / 86400)
}

// InstantOf returns t to the microsecond.
func InstantOf(t time.Time) Instant { return Instant(t.UnixMicro()) }

// Time returns midnight UTC of the day.
func (d Date) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// Time returns the instant in UTC.
func (i Instant) Time() time.Time { return time.UnixMicro(int64(i)).UTC() }

func (d Date) String() string    { return d.Time().Format(time.DateOnly) }
func (i Instant) String() string { return i.Time().Format(time.RFC3339Nano) }

// MarshalText writes yyyy-mm-dd.
func (d Date) MarshalText() ([]byte, error) { return d.Time().AppendFormat(nil, time.DateOnly), nil }

// UnmarshalText reads yyyy-mm-dd.
func (d *Date) UnmarshalText(b []byte) error {
	t, err := time.Parse(time.DateOnly, string(b))
	if err != nil {
		return errDate
	}
	*d = DateOf(t)
	return nil
}

// MarshalText writes RFC 3339 in UTC with as many decimals as needed.
func (i Instant) MarshalText() ([]byte, error) {
	return i.Time().AppendFormat(nil, time.RFC3339Nano), nil
}

// UnmarshalText reads RFC 3339; what is finer than a microsecond is cut.
func (i *Instant) UnmarshalText(b []byte) error {
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		return errInstant
	}
	*i = InstantOf(t)
	return nil
}
