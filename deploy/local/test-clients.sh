#!/usr/bin/env bash
# Installs confluent-kafka and requests in a virtual environment of its own, and tsx where there is npm, and runs the client tests with them.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=${PAYERFLOW_LOCAL:-$HOME/.cache/payerflow-local}/venv
command -v python3 >/dev/null || { echo "python3 is missing; install Python 3.9 or newer" >&2; exit 1; }
if [ ! -x "$venv/bin/python" ]; then python3 -m venv "$venv"; fi
"$venv/bin/python" -c 'import confluent_kafka.schema_registry.avro' 2>/dev/null ||
  "$venv/bin/pip" install --quiet 'confluent-kafka[avro,schemaregistry]==2.12.1'
"$venv/bin/python" -c 'import requests' 2>/dev/null || "$venv/bin/pip" install --quiet 'requests==2.32.5'
typescript=
if command -v npm >/dev/null; then
  node=${venv%/venv}/node
  [ -x "$node/node_modules/.bin/tsx" ] || npm install --silent --no-audit --no-fund --prefix "$node" tsx@4.23.15
  typescript=$node/node_modules/.bin/tsx
fi
CLIENT_TYPESCRIPT=$typescript CLIENT_PYTHON=$venv/bin/python go test ./cmd/payerflow -run 'TestPythonClients|TestReadmePython|TestExamples' -count=1 -v
