#!/usr/bin/env bash
# Apache Kafka on this machine, without a container engine. State is in ${PAYERFLOW_LOCAL:-$HOME/.cache/payerflow-local}.
#
#   kafka.sh start [--wipe] [1|3]   one node at 127.0.0.1:19092 (default), or three at :19192 :19292 :19392
#   kafka.sh start --secured        one node with empty data that also listens at :19094 for those who say who they are
#   kafka.sh stop [N]               all nodes that run, or one
#   kafka.sh node N                 starts node N of the three again
#   kafka.sh kill N                 ends node N at once, as a crash does
#
# Node 0 is the single one; 1 to 3 are the three. A secured node has an authorizer. Its administrator is admin, by
# SCRAM-SHA-512; the password is in kafka0.password of the state. Who comes without a name, at :19092, may do
# everything too: that is for the servers beside it. --wipe begins with empty data and is refused while a node runs.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$HERE/lib.sh"

VERSION=4.3.1
CLUSTER=cGF5ZXJmbG93LWxvY2FsMA # any 16 bytes in base64url
LIBS=$STATE/kafka-$VERSION

usage() { sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
port() { printf '%s' $((19000 + $1 * 100 + $2)); }
addr() { printf '127.0.0.1:%s' "$(port "$1" 92)"; }
is_up() { running "$STATE/kafka$1.pid" "$STATE/kafka$1.properties"; }
ready() { grep -q 'Kafka Server started' "$STATE/kafka$1.log" && port_open "$(port "$1" 92)"; }

fetch() {
  [ -d "$LIBS" ] && return
  need mvn "Apache Maven fetches Kafka's jars (54 MB, once)"
  say "fetching Apache Kafka $VERSION into $LIBS"
  rm -rf "$LIBS.part"
  mvn -q -B -Dstyle.color=never -f "$HERE/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$LIBS.part"
  mv "$LIBS.part" "$LIBS" # so that a fetch cut short is not taken for a whole one
}

# secured NODE: what a node that asks who is there has in addition.
secured() {
  [ -f "$STATE/kafka$1.password" ] || return 0
  cat <<P
listeners=PLAINTEXT://$(addr "$1"),SASL://127.0.0.1:$(port "$1" 94),CONTROLLER://127.0.0.1:$(port "$1" 93)
advertised.listeners=PLAINTEXT://$(addr "$1"),SASL://127.0.0.1:$(port "$1" 94)
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256
listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
P
}

properties() { # NODE
  local id=$1 voters=1@127.0.0.1:19193,2@127.0.0.1:19293,3@127.0.0.1:19393 copies=3 isr=2
  if [ "$1" = 0 ]; then id=1 voters=1@127.0.0.1:19093 copies=1 isr=1; fi
  cat <<P
process.roles=broker,controller
node.id=$id
controller.quorum.voters=$voters
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listeners=PLAINTEXT://$(addr "$1"),CONTROLLER://127.0.0.1:$(port "$1" 93)
advertised.listeners=PLAINTEXT://$(addr "$1")
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$STATE/kafka$1.data
auto.create.topics.enable=false
log.retention.hours=-1
default.replication.factor=$copies
min.insync.replicas=$isr
offsets.topic.replication.factor=$copies
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$isr
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=$copies
share.coordinator.state.topic.min.isr=$isr
group.initial.rebalance.delay.ms=0
P
  secured "$1" # of a key that is there twice, the last one counts
}

boot() { # NODE
  local log="-Dlog4j2.configurationFile=$HERE/log4j2.xml" conf=$STATE/kafka$1.properties heap=512m scram=()
  if [ "$1" = 0 ]; then heap=1g; fi
  if port_open "$(port "$1" 92)"; then die "$(addr "$1") is taken by another program"; fi
  properties "$1" >"$conf"
  if [ ! -f "$STATE/kafka$1.data/meta.properties" ]; then
    if [ -f "$STATE/kafka$1.password" ]; then scram=(-S "SCRAM-SHA-512=[name=admin,password=$(cat "$STATE/kafka$1.password")]"); fi
    "$JAVA" "$log" -cp "$LIBS/*" kafka.tools.StorageTool format -t "$CLUSTER" -c "$conf" ${scram[@]+"${scram[@]}"} >"$STATE/kafka$1.format.log" 2>&1 ||
      { cat "$STATE/kafka$1.format.log" >&2; die "node $1: the data directory cannot be prepared"; }
  fi
  launch "kafka$1" "$JAVA" "-Xmx$heap" "$log" -cp "$LIBS/*" kafka.Kafka "$conf"
}

start() { # NODE...
  local n pid new=''
  mkdir -p "$STATE"
  find_java 17 "Apache Kafka $VERSION"
  fetch
  for n in "$@"; do
    if pid=$(is_up "$n"); then say "node $n runs already at $(addr "$n"), pid $pid"; else boot "$n"; new="$new $n "; fi
  done
  for n in "$@"; do
    await "kafka$n" 120 ready "$n"
    case $new in *" $n "*) say "node $n is ready at $(addr "$n"), pid $(cat "$STATE/kafka$n.pid")" ;; esac
  done
}

stop() { # NODE...: all are told before one is awaited, because a node that leaves asks the others first
  local n pid told=''
  for n in "$@"; do
    if pid=$(is_up "$n"); then kill "$pid" 2>/dev/null || true; told="$told $n:$pid"; fi
  done
  for n in $told; do
    ended "${n#*:}" 20
    rm -f "$STATE/kafka${n%:*}.pid"
    say "node ${n%:*} is stopped"
  done
  if [ -z "$told" ]; then say "no node runs"; fi
}

wipe() { # NODE...
  local n
  for n in "$@"; do if is_up "$n" >/dev/null; then die "node $n is running: stop it before --wipe"; fi; done
  for n in "$@"; do rm -rf "${STATE:?}/kafka$n.data" "$STATE/kafka$n.password"; done
}

one_of() { case " $2 " in *" $1 "*) ;; *) usage ;; esac }

command=${1:-}
shift || usage
case "$command" in
start)
  clean=''
  if [ "${1:-}" = --secured ]; then
    [ $# = 1 ] || usage
    wipe 0
    mkdir -p "$STATE"
    (umask 077 && head -c 18 /dev/urandom | base64 | tr '+/' '-_' >"$STATE/kafka0.password")
    start 0
    exit
  fi
  if [ "${1:-}" = --wipe ]; then clean=1; shift; fi
  one_of "${1:-1}" '1 3'
  nodes=0
  if [ "${1:-1}" = 3 ]; then nodes='1 2 3'; fi
  # shellcheck disable=SC2086 # a list of numbers
  { if [ -n "$clean" ]; then wipe $nodes; fi; start $nodes; }
  ;;
stop)
  if [ $# -gt 0 ]; then one_of "$1" '0 1 2 3'; fi
  # shellcheck disable=SC2086
  stop ${1:-0 1 2 3}
  ;;
node)
  one_of "${1:-}" '1 2 3'
  start "$1"
  ;;
kill)
  one_of "${1:-}" '0 1 2 3'
  pid=$(is_up "$1") || die "node $1 does not run"
  kill -9 "$pid" 2>/dev/null || true
  ended "$pid" 10
  rm -f "$STATE/kafka$1.pid"
  say "node $1 is killed"
  ;;
*) usage ;;
esac
