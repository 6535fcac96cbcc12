#!/usr/bin/env bash
# Starts one Apache Kafka node that asks who is there, and a schema registry; runs the end-to-end suite and the tests of
# principals against them as their administrator; and stops both.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
trap '"$here/registry.sh" stop || true; "$here/kafka.sh" stop || true' EXIT
"$here/registry.sh" stop >/dev/null 2>&1 || true
"$here/kafka.sh" stop >/dev/null 2>&1 || true
"$here/kafka.sh" start --secured
"$here/registry.sh" start mem
cd "$here/../.."
PAYERFLOW_BROKER_SASL_PASSWORD=$(cat "${PAYERFLOW_LOCAL:-$HOME/.cache/payerflow-local}/kafka0.password")
export PAYERFLOW_BROKER_SASL_USERNAME=admin PAYERFLOW_BROKER_SASL_PASSWORD
export KAFKA_BROKERS=127.0.0.1:19094 REGISTRY_URL=http://127.0.0.1:18081/apis/ccompat/v7
go test ./cmd/payerflow -run 'TestEndToEnd|TestNoEventIsRouted|TestRulesOnTheCommandLine' -count=1 -v "$@"
go test ./connectors/kafka -run 'TestTeam|TestCredentials|TestGrant|TestConsumerTopic|TestChangeOf|TestUpkeep|TestTopicIsDeleted' -count=1 -v "$@"
