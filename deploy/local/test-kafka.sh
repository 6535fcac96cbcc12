#!/usr/bin/env bash
# Starts one Apache Kafka node and a schema registry, runs the end-to-end suite against them, and stops both.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
trap '"$here/registry.sh" stop || true; "$here/kafka.sh" stop || true' EXIT
"$here/registry.sh" stop >/dev/null 2>&1 || true
"$here/kafka.sh" stop >/dev/null 2>&1 || true
"$here/kafka.sh" start --wipe
"$here/registry.sh" start mem
cd "$here/../.."
KAFKA_BROKERS=127.0.0.1:19092 REGISTRY_URL=http://127.0.0.1:18081/apis/ccompat/v7 \
  go test ./cmd/payerflow -run 'TestEndToEnd' -count=1 -v "$@"
