// Package export answers where spans go: to a collector that speaks OTLP, as many of them as are asked for, and all that fail or are of synthetic events. See docs/adr/0021.
package export

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"google.golang.org/grpc/credentials"
)

// Options say where spans go and how many.
type Options struct {
	Protocol string  // grpc or http
	Endpoint string  // URL: https, or http on a trusted way
	CA       string  // PEM file of the authority of an https endpoint; "": this machine's
	Sample   float64 // of traces that begin here, 0 to 1
	Version  string  // of this binary
	Instance string  // which process this is
}

// Open makes a provider of tracers. It does not wait for the collector: spans
// that nobody takes are dropped, and hold up nothing. The environment of
// OpenTelemetry adds headers and attributes of the resource. Shut the provider
// down, so that the last spans leave.
func Open(ctx context.Context, o Options) (*sdktrace.TracerProvider, error) {
	to, err := exporter(ctx, o)
	if err != nil {
		return nil, err
	}
	is, err := resource.New(ctx, resource.WithAttributes(semconv.ServiceName("payerflow"), semconv.ServiceVersion(o.Version), semconv.ServiceInstanceID(o.Instance)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	return sdktrace.NewTracerProvider(sdktrace.WithResource(is), sdktrace.WithSampler(newSampler(o.Sample)),
		sdktrace.WithSpanProcessor(keeping{sdktrace.NewBatchSpanProcessor(to)})), nil
}

func exporter(ctx context.Context, o Options) (*otlptrace.Exporter, error) {
	at, err := url.Parse(o.Endpoint)
	if err != nil || at.Host == "" {
		return nil, errors.New("tracing.endpoint is not a URL")
	}
	trust, err := trusting(o.CA)
	if err != nil {
		return nil, err
	}
	if o.Protocol == "http" {
		opts := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(o.Endpoint)}
		if at.Path == "" || at.Path == "/" {
			opts = append(opts, otlptracehttp.WithURLPath("/v1/traces"))
		}
		if at.Scheme == "https" {
			opts = append(opts, otlptracehttp.WithTLSClientConfig(trust))
		}
		return otlptracehttp.New(ctx, opts...)
	}
	opts := []otlptracegrpc.Option{otlptracegrpc.WithEndpointURL(o.Endpoint)}
	if at.Scheme == "https" {
		opts = append(opts, otlptracegrpc.WithTLSCredentials(credentials.NewTLS(trust)))
	}
	return otlptracegrpc.New(ctx, opts...)
}

func trusting(ca string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca == "" {
		return c, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("tracing.ca: %w", err)
	}
	if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("tracing.ca: no certificate in the file")
	}
	return c, nil
}
