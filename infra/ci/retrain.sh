#!/usr/bin/env bash
# Start the retraining deployment and wait for it; its exit code is ours, so the CI job fails when it fails.
# Needs PREFECT_API_URL (and PREFECT_API_KEY or basic auth where the server asks for it), as Prefect reads them.
set -euo pipefail
: "${PREFECT_API_URL:?set PREFECT_API_URL to the API of the Prefect server}"
timeout_s="${RETRAIN_TIMEOUT_S:-20400}"
exec prefect deployment run "evaluate-models/retrain" --watch --watch-timeout "$timeout_s" "$@"
