#!/usr/bin/env bash
# End everything that up.sh started, and what that started; the data stay for the next up.sh. With --wipe they go, too.
exec "$(dirname "$0")/topology.sh" down "$@"
