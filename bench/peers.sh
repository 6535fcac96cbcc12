#!/usr/bin/env bash
# Measures the engine beside its peers on one real Kafka node, and prints one table.
#
#   peers.sh [REPS]                  REPS runs of each engine (default 1), then the medians
#   ENGINES="payerflow at-least-once claim-status streams goka franz" peers.sh     which, and in which order
#   CLAIMS=10000000 peers.sh         about how many claims the events are, 2.7 each (default a million)
#   LATENCY=1 peers.sh               instead: milliseconds from an event to its row, at 200 events a second; then removes the events
#   PROFILES=1 peers.sh              writes ENGINE.fold.pprof and ENGINE.recover.pprof of the engines in Go
#
# The node of deploy/local/kafka.sh is started, and stopped again unless it ran before. Its topics bench.* are made and removed; the
# events stay for the next time. State is in ${PAYERFLOW_LOCAL:-$HOME/.cache/payerflow-local}/bench: results.jsonl keeps every result,
# log/ what the engines said. All processes share the machine: compare within one table only.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LOCAL=$HERE/../deploy/local
# shellcheck source-path=SCRIPTDIR source=../deploy/local/lib.sh
. "$LOCAL/lib.sh"

OUT=$STATE/bench
ENGINES=${ENGINES-payerflow at-least-once claim-status streams goka franz}
reps=${1:-1}
case $reps in '' | *[!0-9]*) sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;; esac
mkdir -p "$OUT"

need go "the engines in Go are built with it"
go build -C "$HERE" -o "$OUT/bench" .

JAVA=java
streams() {
  need mvn "Apache Maven builds the Kafka Streams peer; without it, leave streams out of ENGINES"
  find_java 17 "the Kafka Streams peer"
  if [ -n "$(find "$HERE/streams" "$HERE/schemas" -type f -newer "$OUT/streams.built" 2>&1)" ]; then
    say "building the Kafka Streams peer" >&2
    rm -rf "$OUT/streams"
    mvn -q -B -Dstyle.color=never -f "$HERE/streams/pom.xml" -Dout="$OUT/streams" compile dependency:copy-dependencies \
      -DincludeScope=runtime -DoutputDirectory="$OUT/streams/libs" >&2
    touch "$OUT/streams.built"
  fi
}
case " $ENGINES " in *" streams "*) streams ;; esac

if ! port_open 19092; then
  trap '"$LOCAL/kafka.sh" stop 0 >&2' EXIT
  "$LOCAL/kafka.sh" start >&2
fi
if [ -n "${LATENCY:-}" ]; then "$OUT/bench" latency -state "$OUT"; exit; fi
"$OUT/bench" peers -reps "$reps" -engines "$ENGINES" -state "$OUT" ${PROFILES:+-profiles} \
  -java "$JAVA" -classpath "$OUT/streams/classes:$OUT/streams/libs/*"
