package main

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/observe/export"
)

// tracing is where spans go; the zero value is nowhere.
type tracing struct{ provider *sdktrace.TracerProvider }

// lastSpans is how long the last spans may take to leave.
const lastSpans = 3 * time.Second

func (a *app) openTracing(ctx context.Context, instance string) (tracing, error) {
	c := a.cfg.Tracing.Standard(a.environ)
	if err := c.Validate(); err != nil {
		return tracing{}, coded(exitUsage, err)
	}
	if c.Protocol == "none" {
		return tracing{}, nil
	}
	// The SDK's own accounts name endpoints and counts, no spans.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { a.log.Warn("tracing", "error", err) }))
	p, err := export.Open(ctx, export.Options{Protocol: c.Protocol, Endpoint: c.Endpoint, CA: c.CA, Sample: c.Sample, Version: version(), Instance: instance})
	return tracing{p}, coded(exitUsage, err)
}

// of is the provider, nil for none.
func (t tracing) of() trace.TracerProvider {
	if t.provider == nil {
		return nil
	}
	return t.provider
}

// close sends what is left.
func (t tracing) close() {
	if t.provider == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastSpans)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the error handler has told
}

// shownInSpans are the type and the tags of an event as far as they are
// registered: a producer may write anything else there.
func shownInSpans(control *kafka.Control) func(eventType, tags string) (string, []string, bool) {
	return func(eventType, tags string) (string, []string, bool) {
		rules, err := control.Rules()
		if err != nil {
			return "", nil, false
		}
		row, known := rules.EventType(eventType)
		all, _ := events.ParseTags(tags) // what does not read is not shown
		return row.Name, row.Registered(all), known
	}
}
