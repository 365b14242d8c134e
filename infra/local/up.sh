#!/usr/bin/env bash
# The whole system on this machine from processes, without Docker: PostgreSQL, Redis, Prefect's API and services, workers,
# S3. State, logs and env.sh stand in one folder; what is up already is left alone. `up.sh --help` names the options.
#
#   infra/local/up.sh [FOLDER] [--cpu-workers 2] && source FOLDER/env.sh && empathy deploy
exec "$(dirname "$0")/topology.sh" up "$@"
