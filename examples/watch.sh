#!/bin/sh
# Reads a row, a batch, the rows under a key, and watches a row, with curl 7.82 or newer.
# PAYERFLOW_URL and PAYERFLOW_TOKEN say where, and as whom. usage: watch.sh CLAIM MEMBER
set -eu
url=${PAYERFLOW_URL:-http://127.0.0.1:8080}
ask() { curl --silent --show-error --fail --header "Authorization: Bearer $PAYERFLOW_TOKEN" "$@"; }

ask "$url/v1/views/claim-status/$1"
ask --json "{\"keys\":[\"$1\"]}" "$url/v1/views/claim-status/batch"
ask "$url/v1/views/claims-by-member/$2?limit=200"

# A watch that breaks off goes on behind the last id. curl sends no header that is empty.
last=$(mktemp)
trap 'rm -f "$last"' EXIT
while :; do
  ask --no-buffer --speed-limit 1 --speed-time 45 --header "Accept: text/event-stream" --header "Last-Event-ID: $(cat "$last")" \
    "$url/v1/views/claim-status/$1" |
    while IFS= read -r line; do
      case $line in
      "id: "*) echo "${line#id: }" >"$last" ;;
      "data: "*) echo "${line#data: }" ;;
      esac
    done
  sleep 1
done
