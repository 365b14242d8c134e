#!/usr/bin/env bash
# Retraining as a CI job: starts the deployment on the Prefect server, waits for it, prints what it found, and exits
# as it did: 0 if the new mixture passed the gate (it is promoted then), not 0 if it failed or anything else did.
# Needs `prefect` of the server's version and nothing else of this project; the worker's machine trains.
#
#   PREFECT_API_URL=https://… infra/ci/retrain.sh --param max_minutes=60
#
# PREFECT_API_KEY or PREFECT_API_AUTH_STRING where the server asks for it, as Prefect reads them;
# RETRAIN_DEPLOYMENT and RETRAIN_TIMEOUT_S (seconds; the run goes on when the wait is over) to say it otherwise.
set -euo pipefail
: "${PREFECT_API_URL:?set PREFECT_API_URL to the API of the Prefect server}"
deployment="${RETRAIN_DEPLOYMENT:-retrain-mixture/retrain}"
timeout_s="${RETRAIN_TIMEOUT_S:-20400}"
# the flow names its own runs, so a tag is what this one is found by
tag="ci-${GITHUB_RUN_ID:-$(date +%s)}-${GITHUB_RUN_ATTEMPT:-$$}"

status=0
prefect --no-prompt deployment run "$deployment" --tag "$tag" --watch --watch-timeout "$timeout_s" "$@" || status=$?
python3 "$(dirname "$0")/show_run.py" "$tag" || echo "What the run found could not be read; see the Prefect UI." >&2
exit "$status"
