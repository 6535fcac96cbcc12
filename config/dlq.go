package config

import (
	"errors"
	"net/url"
	"time"
)

// DLQ says what happens when records are parked.
type DLQ struct {
	Alert Alert `koanf:"alert"`
}

// Alert says who is called when a dead letter topic grows.
type Alert struct {
	// URL gets a POST for each topic that has grown; "" calls nobody. It may hold a secret; it is never printed.
	URL string `koanf:"url" env:"PAYERFLOW_DLQ_ALERT_URL" secret:"true"`
	// Interval is the least time between two calls for one topic.
	Interval time.Duration `koanf:"interval" env:"PAYERFLOW_DLQ_ALERT_INTERVAL"`
}

// DefaultDLQ calls nobody.
func DefaultDLQ() DLQ { return DLQ{Alert{Interval: 5 * time.Minute}} }

// Validate returns every fault at once. It never quotes the address, which may hold a secret.
func (d DLQ) Validate() error {
	var address error
	if u, err := url.Parse(d.Alert.URL); d.Alert.URL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "") {
		address = fault("dlq.alert.url", "is not such a URL", "nothing, or http:// or https:// with a host")
	}
	return errors.Join(address, between("dlq.alert.interval", d.Alert.Interval, 100*time.Millisecond, 24*time.Hour))
}

// String, GoString and MarshalText are safe to print and to log: the address is masked.
func (a Alert) String() string {
	if a.URL == "" {
		return "{}"
	}
	return "{URL:" + Redacted + " Interval:" + a.Interval.String() + "}"
}

// GoString is String.
func (a Alert) GoString() string { return a.String() }

// MarshalText is String, so that JSON logs are masked too.
func (a Alert) MarshalText() ([]byte, error) { return []byte(a.String()), nil }
