#!/usr/bin/env bash
# End everything that up.sh started, and what that started; PostgreSQL, Redis and the home stay for the next up.sh, with
# --wipe they go, too. S3 is moto's and in memory: what lay there is gone, so this is for trying and testing.
exec "$(dirname "$0")/topology.sh" down "$@"
