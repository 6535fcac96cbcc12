#!/usr/bin/env bash
# Has a process try to open many more watches of a worker than its limit on open files allows, while another process watches
# rows that are updated, and says how the attempts ended and whether the open watches were told everything.
#
#   connections.sh                     50,000 attempts, 4,000 at a time, from 8 addresses of loopback; ends by itself within 8 minutes
#   ATTEMPTS=10000 WAVE=3000 connections.sh
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
OUT=$(mktemp -d "${TMPDIR:-/tmp}/payerflow-connections.XXXXXX")
trap 'rm -rf "$OUT"' EXIT
go build -C "$HERE/.." -o "$OUT/payerflow" ./cmd/payerflow
go build -C "$HERE" -o "$OUT/bench" .
"$OUT/bench" connections -payerflow "$OUT/payerflow" -state "$OUT" -attempts "${ATTEMPTS:-50000}" -wave "${WAVE:-4000}"
