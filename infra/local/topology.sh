#!/usr/bin/env bash
# What up.sh, down.sh and service.sh have in common: the project's Python, or the one that PYTHON names.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
python="${PYTHON:-$here/../../.venv/bin/python}"
if ! command -v "$python" >/dev/null; then
  echo "There is no $python: run \`make setup\`, or name a Python with this project in PYTHON." >&2
  exit 2
fi
exec "$python" "$here/topology.py" "$@"
