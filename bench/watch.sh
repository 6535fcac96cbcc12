#!/usr/bin/env bash
# Measures updates of claims while many watch them, and prints one table.
#
#   watch.sh                   10,000 watchers of one worker, 1,000 of them over HTTP/1.1, 1,000 updates a second; about 2 minutes
#   WATCHERS=1000 RATE=500 SECONDS_EACH=5 watch.sh
#
# Broker, workers and watchers are processes of their own; they listen on free ports of loopback, keep their state in a folder
# that is removed, and are ended by the driver. They share the machine: compare within one table only.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
OUT=$(mktemp -d "${TMPDIR:-/tmp}/payerflow-watch.XXXXXX")
trap 'rm -rf "$OUT"' EXIT
go build -C "$HERE/.." -o "$OUT/payerflow" ./cmd/payerflow
go build -C "$HERE" -o "$OUT/bench" .
"$OUT/bench" watch -payerflow "$OUT/payerflow" -state "$OUT" -watchers "${WATCHERS:-10000}" -http1 "${HTTP1:-1000}" -rate "${RATE:-1000}" -seconds "${SECONDS_EACH:-10}"
