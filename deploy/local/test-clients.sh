#!/usr/bin/env bash
# Installs confluent-kafka in a virtual environment of its own and runs the client tests with it.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=${PAYERFLOW_LOCAL:-$HOME/.cache/payerflow-local}/venv
command -v python3 >/dev/null || { echo "python3 is missing; install Python 3.9 or newer" >&2; exit 1; }
if [ ! -x "$venv/bin/python" ]; then python3 -m venv "$venv"; fi
"$venv/bin/python" -c 'import confluent_kafka.schema_registry.avro' 2>/dev/null ||
  "$venv/bin/pip" install --quiet 'confluent-kafka[avro,schemaregistry]==2.12.1'
CLIENT_PYTHON=$venv/bin/python go test ./cmd/payerflow -run 'TestPythonClients|TestReadmePython' -count=1 -v
