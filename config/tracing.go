package config

import (
	"cmp"
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// Tracing says where spans go: see docs/observability.md.
type Tracing struct {
	// Protocol is that of the collector, OTLP over grpc or http; none for no tracing at all.
	Protocol string `koanf:"protocol" env:"PAYERFLOW_TRACING_PROTOCOL"`
	// Endpoint is the collector's URL: https://, or http:// on a way that is trusted.
	Endpoint string `koanf:"endpoint" env:"PAYERFLOW_TRACING_ENDPOINT"`
	// CA is a PEM file of the authority of an https endpoint; "" stands for those of this machine.
	CA string `koanf:"ca" env:"PAYERFLOW_TRACING_CA"`
	// Sample is how many of the traces that begin here are kept, beside errors and synthetic events: 0 to 1.
	Sample float64 `koanf:"sample" env:"PAYERFLOW_TRACING_SAMPLE"`
}

// DefaultTracing traces nothing.
func DefaultTracing() Tracing {
	return Tracing{Protocol: "none", Endpoint: "http://127.0.0.1:4317", Sample: 0.01}
}

// Validate returns every fault at once.
func (t Tracing) Validate() error {
	faults := []error{oneOf("tracing.protocol", t.Protocol, "none", "grpc", "http")}
	if u, err := url.Parse(t.Endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		faults = append(faults, fault("tracing.endpoint", "is not such a URL", "http:// or https:// with a host, and no name or password"))
	}
	if !(t.Sample >= 0 && t.Sample <= 1) { // NaN is neither
		faults = append(faults, fault("tracing.sample", "is "+strconv.FormatFloat(t.Sample, 'g', -1, 64), "0 to 1"))
	}
	return errors.Join(faults...)
}

// Standard takes the variables of OpenTelemetry where nothing else was said: the
// endpoint of a collector switches tracing on.
func (t Tracing) Standard(environ []string) Tracing {
	d := DefaultTracing()
	if t.Protocol != d.Protocol || t.Endpoint != d.Endpoint {
		return t
	}
	env := map[string]string{}
	for _, line := range environ {
		if name, value, ok := strings.Cut(line, "="); ok {
			env[name] = value
		}
	}
	endpoint := cmp.Or(env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"], env["OTEL_EXPORTER_OTLP_ENDPOINT"])
	if endpoint == "" || env["OTEL_SDK_DISABLED"] == "true" || env["OTEL_TRACES_EXPORTER"] == "none" {
		return t
	}
	t.Endpoint, t.Protocol = endpoint, "http"
	if cmp.Or(env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"], env["OTEL_EXPORTER_OTLP_PROTOCOL"]) == "grpc" {
		t.Protocol = "grpc"
	}
	t.CA = cmp.Or(t.CA, env["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE"], env["OTEL_EXPORTER_OTLP_CERTIFICATE"])
	if ratio, err := strconv.ParseFloat(env["OTEL_TRACES_SAMPLER_ARG"], 64); err == nil && t.Sample == d.Sample {
		t.Sample = ratio
	}
	return t
}
