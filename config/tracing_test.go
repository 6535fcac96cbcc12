package config_test

import (
	"testing"

	"payerflow/config"
)

// TestStandardTracing: the variables of OpenTelemetry switch tracing on, unless
// our own say otherwise or they switch it off again.
func TestStandardTracing(t *testing.T) {
	off := config.DefaultTracing()
	own := config.Tracing{Protocol: "grpc", Endpoint: "http://own:4317", Sample: 1}
	for _, c := range []struct {
		from    config.Tracing
		environ []string
		want    config.Tracing
	}{
		{off, nil, off},
		{off, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318"}, config.Tracing{Protocol: "http", Endpoint: "http://c:4318", Sample: off.Sample}},
		{off, []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_TRACES_SAMPLER_ARG=0.5", "OTEL_EXPORTER_OTLP_CERTIFICATE=ca.pem"},
			config.Tracing{Protocol: "grpc", Endpoint: "https://c:4317", CA: "ca.pem", Sample: 0.5}},
		{off, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318", "OTEL_SDK_DISABLED=true"}, off},
		{off, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318", "OTEL_TRACES_EXPORTER=none"}, off},
		{own, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318"}, own},
	} {
		if got := c.from.Standard(c.environ); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.environ, got, c.want)
		}
	}
}
