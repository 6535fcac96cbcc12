#!/usr/bin/env bash
# Apicurio Registry on this machine, with the Confluent API at http://127.0.0.1:18081/apis/ccompat/v7 (the path is needed).
#
#   registry.sh start [mem]                   schemas in memory (default)
#   registry.sh start kafkasql [HOST:PORT]    schemas in Kafka: the nodes of kafka.sh that run, or the address given
#   registry.sh stop
#
# Global compatibility is set to BACKWARD after the start. State is in ${PAYERFLOW_LOCAL:-$HOME/.cache/payerflow-local}.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$HERE/lib.sh"

VERSION=3.3.3
APP=$STATE/apicurio-$VERSION
PORT=18081
URL=http://127.0.0.1:$PORT/apis/ccompat/v7

usage() { sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
is_up() { running "$STATE/registry.pid" "$APP/quarkus-run.jar"; }
ready() { curl -sf -m 5 -o /dev/null "$URL/subjects"; }

fetch() {
  [ -d "$APP" ] && return
  need mvn "Apache Maven fetches the registry (once)"
  say "fetching Apicurio Registry $VERSION into $APP"
  rm -rf "$APP.part"
  mkdir -p "$APP.part"
  (cd "$APP.part" && mvn -q -B -Dstyle.color=never dependency:unpack -Dartifact="io.apicurio:apicurio-registry-app:$VERSION:tar.gz:all" -DoutputDirectory=. && rm -rf target)
  mv "$APP.part" "$APP"
}

brokers() { # [HOST:PORT]
  local p found=''
  if [ -n "${1:-}" ]; then printf '%s' "$1"; return; fi
  if port_open 19092; then printf '127.0.0.1:19092'; return; fi
  for p in 19192 19292 19392; do if port_open "$p"; then found="$found,127.0.0.1:$p"; fi; done
  printf '%s' "${found#,}"
}

backward() {
  curl -sf -m 10 -o /dev/null -X PUT -H 'Content-Type: application/vnd.schemaregistry.v1+json' -d '{"compatibility":"BACKWARD"}' "$URL/config" &&
    curl -sf -m 10 "$URL/config" | grep -q BACKWARD
}

start() { # mem|kafkasql [HOST:PORT]
  local kind=$1 pid was servers=127.0.0.1:19092 # not read with mem, but may not be empty
  need curl "it asks the registry whether it is ready"
  mkdir -p "$STATE"
  if pid=$(is_up); then
    was=$(cat "$STATE/registry.kind")
    if [ "$was" != "$kind" ]; then die "the registry is running with $was, pid $pid: stop it before starting with $kind"; fi
    await registry 120 ready
    say "the registry runs already at $URL with $kind, pid $pid"
    return
  fi
  find_java 21 "Apicurio Registry $VERSION"
  if [ "$kind" = kafkasql ]; then
    servers=$(brokers "${2:-}")
    if [ -z "$servers" ]; then die "kafkasql needs a broker and none runs: kafka.sh start"; fi
  fi
  if port_open "$PORT"; then die "127.0.0.1:$PORT is taken by another program"; fi
  fetch
  printf '%s\n' "$kind" >"$STATE/registry.kind"
  APICURIO_STORAGE_KIND=${kind/#mem/sql} APICURIO_KAFKASQL_BOOTSTRAP_SERVERS=$servers \
    QUARKUS_HTTP_HOST=127.0.0.1 QUARKUS_HTTP_PORT=$PORT QUARKUS_MANAGEMENT_HOST=127.0.0.1 QUARKUS_MANAGEMENT_PORT=18089 \
    launch registry "$JAVA" -Xmx512m -Djava.util.logging.manager=org.jboss.logmanager.LogManager -jar "$APP/quarkus-run.jar"
  await registry 120 ready
  await registry 20 backward # the default, NONE, would let any schema in
  say "the registry is ready at $URL with $kind, compatibility BACKWARD, pid $(cat "$STATE/registry.pid")"
}

command=${1:-}
shift || usage
case "$command" in
start)
  case "${1:-mem}" in
  mem | kafkasql) start "${1:-mem}" "${2:-}" ;;
  *) usage ;;
  esac
  ;;
stop)
  pid=$(is_up) || { say "the registry does not run"; exit 0; }
  kill "$pid" 2>/dev/null || true
  ended "$pid" 20
  rm -f "$STATE/registry.pid"
  say "the registry is stopped"
  ;;
*) usage ;;
esac
