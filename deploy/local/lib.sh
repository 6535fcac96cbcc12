# shellcheck shell=bash
# Sourced by kafka.sh and registry.sh: where state lives, which Java runs, and how a server is started, awaited and ended.

STATE=${PAYERFLOW_LOCAL:-$HOME/.cache/payerflow-local}
case $STATE in /*) ;; *) STATE=$PWD/$STATE ;; esac

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# need COMMAND HINT: ends with the hint where the command is missing.
need() { command -v "$1" >/dev/null 2>&1 || die "$1 is missing: $2"; }

# port_open PORT: whether something listens there.
port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# java_major JAVA: its feature release (8, 17, 25), nothing where it does not run.
java_major() {
  local v
  v=$("$1" -version 2>&1 | sed -n 's/.* version "\([0-9][0-9.]*\).*/\1/p' | head -n 1)
  v=${v#1.}
  printf '%s' "${v%%.*}"
}

# find_java MIN WHAT: sets JAVA to JAVA_HOME's java where that is MIN or newer, else to the newest one installed.
# The PATH comes first, so that of equal releases it wins.
find_java() {
  local min=$1 what=$2 found='' best=0 java major
  JAVA=''
  for java in "${JAVA_HOME:+$JAVA_HOME/bin/java}" "$(command -v java || true)" /usr/lib/jvm/*/bin/java /opt/*jdk*/bin/java \
    "$HOME"/.sdkman/candidates/java/*/bin/java /Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java; do
    [ -x "$java" ] || continue
    major=$(java_major "$java")
    [ -n "$major" ] || continue
    found="$found
  Java $major at $java"
    if [ "$major" -ge "$min" ] && [ "$major" -gt "$best" ]; then JAVA=$java best=$major; fi
    if [ -n "$JAVA" ] && [ "$JAVA" = "${JAVA_HOME:-}/bin/java" ]; then return; fi
  done
  [ -n "$JAVA" ] || die "$what needs Java $min or newer and there is none. Install one, or point JAVA_HOME to it. Found:${found:- no Java at all}"
}

# args_of PID: its command line; ps stands in where there is no /proc.
args_of() { if [ -d /proc/self ]; then tr '\0' ' ' <"/proc/$1/cmdline"; else ps -p "$1" -o args=; fi 2>/dev/null; }

# running PIDFILE MARK: prints the pid where that process lives and has MARK in its command line.
# A pid file whose process is gone, or whose number now belongs to another program, is removed.
running() {
  local pid
  [ -f "$1" ] || return 1
  pid=$(cat "$1")
  case "$(args_of "${pid:-none}")" in
  *"$2"*) printf '%s' "$pid" ;;
  *) rm -f "$1"; return 1 ;;
  esac
}

# launch NAME COMMAND...: runs it away from this terminal; pid in NAME.pid, output in NAME.log (the one before in NAME.log.old).
launch() {
  local base=$STATE/$1 away=nohup
  shift
  command -v setsid >/dev/null 2>&1 && away=setsid # absent on macOS
  if [ -f "$base.log" ]; then mv -f "$base.log" "$base.log.old"; fi
  "$away" "$@" >"$base.log" 2>&1 </dev/null &
  printf '%s\n' $! >"$base.pid"
}

# await NAME SECONDS CHECK...: returns when the check succeeds; ends with the log's tail when the process dies or time is up.
await() {
  local name=$1 end=$((SECONDS + $2)) limit=$2 pid why=''
  shift 2
  pid=$(cat "$STATE/$name.pid")
  until "$@"; do
    if ! kill -0 "$pid" 2>/dev/null; then why="ended while starting"; fi
    if [ "$SECONDS" -ge "$end" ]; then why="not ready within $limit s"; fi
    if [ -n "$why" ]; then
      say "--- last lines of $STATE/$name.log" >&2
      tail -n 30 "$STATE/$name.log" >&2
      kill -9 "$pid" 2>/dev/null || true
      rm -f "$STATE/$name.pid"
      die "$name $why"
    fi
    sleep 0.1
  done
}

# ended PID SECONDS: waits for the process to go, and kills it when it does not.
ended() {
  local end=$((SECONDS + $2))
  while kill -0 "$1" 2>/dev/null; do
    if [ "$SECONDS" -ge "$end" ]; then say "pid $1 does not end within $2 s: killed" >&2; kill -9 "$1" 2>/dev/null || true; return; fi
    sleep 0.1
  done
}
