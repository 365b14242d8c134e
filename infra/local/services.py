"""The services of a topology: how each is started, when it is up, what it needs before, how it is stopped."""

from __future__ import annotations

import json
import signal
import sys
import urllib.request
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import postgresql
from plan import BUCKET, LOOPBACK, S3_KEYS, Topology, write_secret

PREFECT = [sys.executable, "-m", "prefect"]


class Service(NamedTuple):
    """A process of the topology; `is_ready` is given the time at which it was started."""

    name: str
    command: Callable[[], list[str]]
    environment: dict[str, str]
    is_ready: Callable[[float], bool]
    port: int | None = None
    prepare: Callable[[], None] = lambda: None
    needs: tuple[str, ...] = ()
    stop_signal: signal.Signals = signal.SIGTERM


def list_services(topology: Topology) -> list[Service]:
    """Return every service; one starts after those that it needs."""
    workers = [("cpu", number) for number in range(1, topology.cpu_workers + 1)] + [("gpu", 1)]
    return [
        describe_postgresql(topology),
        describe_redis(topology),
        describe_s3(topology),
        *describe_server(topology),
        *(describe_worker(topology, pool, number) for pool, number in workers),
    ]


def describe_postgresql(topology: Topology) -> Service:
    """Return PostgreSQL, which SIGINT stops without waiting for its clients to leave."""
    return Service(
        "postgresql",
        lambda: postgresql.start_command(topology),
        topology.plain_environment,
        lambda _: postgresql.is_ready(topology),
        port=topology.ports["postgresql"],
        prepare=lambda: postgresql.prepare_database(topology),
        stop_signal=signal.SIGINT,
    )


def describe_redis(topology: Topology) -> Service:
    """Return Redis with its log of changes on disk: a restart loses at most a second of events."""
    folder = topology.folder / "redis"
    config = folder / "redis.conf"
    said = {
        "bind": LOOPBACK,
        "port": topology.ports["redis"],
        "dir": f'"{folder}"',
        "appendonly": "yes",
        "save": '""',
        "requirepass": topology.password,
        "daemonize": "no",
    }

    def prepare() -> None:
        folder.mkdir(exist_ok=True)
        write_secret(config, "".join(f"{name} {value}\n" for name, value in said.items()))

    def is_ready(_: float) -> bool:
        import redis  # a fifth of a second, which `down` need not wait for

        with redis.Redis(host=LOOPBACK, port=topology.ports["redis"], password=topology.password) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    return Service(
        "redis", lambda: ["redis-server", str(config)], topology.plain_environment, is_ready,
        port=topology.ports["redis"], prepare=prepare,
    )  # fmt: skip


def describe_s3(topology: Topology) -> Service:
    """Return moto's S3, which keeps its objects in memory: a restart loses them."""

    def is_ready(_: float) -> bool:
        # making a bucket that is there changes nothing
        return _ask(f"{topology.s3_url}/{BUCKET}", "PUT") is not None

    return Service(
        "s3",
        lambda: [sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(topology.ports["s3"])],
        {**topology.plain_environment, **S3_KEYS},
        is_ready,
        port=topology.ports["s3"],
    )


def describe_server(topology: Topology) -> list[Service]:
    """Return Prefect's API and, as a process of its own, what runs in its background."""
    port = topology.ports["server"]
    environment = topology.server_environment

    def is_ready(_: float) -> bool:
        return _ask(f"{topology.api_url}/ready", "GET") is not None

    api = Service(
        "server",
        lambda: [*PREFECT, "server", "start", "--no-services", "--host", LOOPBACK, "--port", str(port)],
        environment, is_ready, port=port, needs=("postgresql", "redis"),
    )  # fmt: skip
    # the API has brought the tables up to date by then: two that migrate at once get in each other's way
    quiet = {**environment, "PREFECT_API_DATABASE_MIGRATE_ON_START": "false"}
    services = Service(
        "services", lambda: [*PREFECT, "server", "services", "start"], quiet, lambda _: True, needs=("server",)
    )
    return [api, services]


def describe_worker(topology: Topology, pool: str, number: int) -> Service:
    """Return a worker of a pool, which is up when the API has heard of it since its start."""
    name = f"worker-{pool}-{number}"
    home = topology.gpu_home if pool == "gpu" else topology.home

    def is_ready(started_at: float) -> bool:
        url = f"{topology.api_url}/work_pools/{pool}/workers/filter"
        found: list[dict[str, Any]] = json.loads(_ask(url, "POST", b"{}") or b"[]")
        heard = [one["last_heartbeat_time"] for one in found if one["name"] == name]
        return any(datetime.fromisoformat(time).timestamp() >= started_at for time in heard if time)

    return Service(
        name,
        lambda: [*PREFECT, "worker", "start", "--pool", pool, "--type", "process", "--name", name],
        {**topology.worker_environment, "EMPATHY_HOME": str(home)},
        is_ready,
        needs=("server", "s3"),
    )


def _ask(url: str, method: str, body: bytes | None = None) -> bytes | None:
    """Return what an address of loopback answers, or nothing if it does not or refuses."""
    request = urllib.request.Request(url, body, {"content-type": "application/json"}, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return answer.read()
    except OSError:
        return None
