#!/usr/bin/env bash
# Starts a Jaeger, publishes an event, watches its row, and finds the one trace
# from the door to the watcher by the event's tag. Needs Go alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=v1.62.0
dir=${JAEGER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/payerflow/jaeger-$version}
if [ ! -x "$dir/jaeger" ]; then
  # Jaeger's module replaces another, so it is built in one of its own.
  mkdir -p "$dir"
  printf 'module jaeger\n\ngo 1.26.0\n\nrequire github.com/jaegertracing/jaeger %s\n' "$version" >"$dir/go.mod"
  printf '//go:build tools\n\npackage tools\n\nimport _ "github.com/jaegertracing/jaeger/cmd/all-in-one"\n' >"$dir/tools.go"
  (cd "$dir" && GOFLAGS=-mod=mod go mod tidy -e >/dev/null 2>&1 && GOFLAGS=-mod=mod go build -o jaeger github.com/jaegertracing/jaeger/cmd/all-in-one)
fi
otlp=127.0.0.1:${JAEGER_OTLP_PORT:-14317} query=127.0.0.1:${JAEGER_QUERY_PORT:-16686}
log=$(mktemp)
"$dir/jaeger" --collector.otlp.grpc.host-port="$otlp" --query.http-server.host-port="$query" --collector.otlp.http.host-port=127.0.0.1:0 \
  --query.grpc-server.host-port=127.0.0.1:0 --collector.grpc-server.host-port=127.0.0.1:0 --collector.http-server.host-port=127.0.0.1:0 \
  --admin.http.host-port=127.0.0.1:0 >"$log" 2>&1 &
jaeger=$!
trap 'kill $jaeger 2>/dev/null; wait $jaeger 2>/dev/null; rm -f "$log"' EXIT
for _ in $(seq 100); do
  curl -fs "http://$query/api/services" >/dev/null 2>&1 && break
  kill -0 $jaeger 2>/dev/null || { cat "$log" >&2; exit 1; }
  sleep 0.1
done
JAEGER_OTLP=http://$otlp JAEGER_QUERY=http://$query go test ./cmd/payerflow -run 'TestOneTrace' -count=1 -v
