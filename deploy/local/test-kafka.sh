#!/usr/bin/env bash
# Starts one Apache Kafka node that asks who is there, and a schema registry; runs the end-to-end suite and the tests of
# principals against them as their administrator; and stops both. What is there is wiped.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
trap '"$here/registry.sh" stop || true; "$here/kafka.sh" stop || true' EXIT
cd "$here/../.."
export PAYERFLOW_BROKER_SASL_USERNAME=admin KAFKA_BROKERS=127.0.0.1:19094 REGISTRY_URL=http://127.0.0.1:18081/apis/ccompat/v7

# fresh starts both anew, with nothing recorded.
fresh() {
  "$here/registry.sh" stop >/dev/null 2>&1 || true
  "$here/kafka.sh" stop >/dev/null 2>&1 || true
  "$here/kafka.sh" start --secured
  "$here/registry.sh" start mem
  PAYERFLOW_BROKER_SASL_PASSWORD=$(cat "${PAYERFLOW_LOCAL:-$HOME/.cache/payerflow-local}/kafka0.password")
  export PAYERFLOW_BROKER_SASL_PASSWORD
}

fresh
go test ./cmd/payerflow -run 'TestEndToEnd|TestNoEventIsRouted|TestRulesOnTheCommandLine|TestAudit|TestBookingsAreCovered|TestAbsences|TestReadYourWrite' -count=1 -timeout 40m -v "$@"
go test ./connectors/kafka -run 'TestTeam|TestCredentials|TestGrant|TestConsumerTopic|TestChangeOf|TestUpkeep|TestTopicIsDeleted' -count=1 -v "$@"
for alone in TestChangePage TestDryRunIsWhatHappens TestRacingBookings TestViewsAreAsked; do # they look at all that is recorded
  fresh
  go test ./cmd/payerflow -run "$alone" -count=1 -v "$@"
done
