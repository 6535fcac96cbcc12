#!/usr/bin/env bash
# Measures reads of views beside Redis behind a small HTTP handler, and prints one table.
#
#   reads.sh                 two workers and an embedded broker, 200,000 claims of one provider; about 4 minutes
#   ROWS=20000 reads.sh      fewer claims
#   SECONDS_EACH=10 reads.sh each measurement takes that long (default 4)
#
# redis-server is installed from Debian's packages where it is absent. All processes listen on free ports of loopback, keep
# their state in a folder that is removed, and are ended by the driver. They share the machine with the client: compare within one table only.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
OUT=$(mktemp -d "${TMPDIR:-/tmp}/payerflow-reads.XXXXXX")
trap 'rm -rf "$OUT"' EXIT

if ! command -v redis-server >/dev/null; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "reads.sh: redis-server is absent; install it (Debian: apt-get install redis-server) and start again" >&2
    exit 1
  fi
  echo "redis-server is absent: installing Debian's package" >&2
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server; } >&2
fi
go build -C "$HERE/.." -o "$OUT/payerflow" ./cmd/payerflow
go build -C "$HERE" -o "$OUT/bench" .
"$OUT/bench" reads -payerflow "$OUT/payerflow" -state "$OUT" -rows "${ROWS:-200000}" -seconds "${SECONDS_EACH:-4}"
