#!/usr/bin/env bash
# One service of the topology:  service.sh start|stop|restart|kill NAME [FOLDER]  and  service.sh status [FOLDER]
# NAME is one of postgresql, redis, s3, server, services, worker-cpu-1, …, worker-gpu-1. `kill` is kill -9, runs included.
exec "$(dirname "$0")/topology.sh" "$@"
