"""What a topology is: its folder, ports, homes and password, and the environments that follow from them."""

from __future__ import annotations

import os
import secrets
import shlex
import socket
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from flows.server import QUIET, server_environment

LOOPBACK = "127.0.0.1"
BUCKET = "efficient-empathy"
USER = "prefect"
MARK = "EMPATHY_TOPOLOGY_OF"
"""In the environment of every process of a topology, and of no other: what is left of one is found by it."""
DEFAULT_PORTS = {"server": 4300, "postgresql": 5532, "redis": 6479, "s3": 9100}

# Eight tries wait 4 to 8 minutes in all (2, 4, … 128 s, and jitter): longer than a database takes to come back. 500 is
# what the API says when it cannot connect to PostgreSQL, 503 (always tried again) when a connection breaks.
PATIENCE = {"PREFECT_CLIENT_MAX_RETRIES": "8", "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500,502,504"}
# moto asks for some key and looks at none
S3_KEYS = {
    "AWS_ACCESS_KEY_ID": "loopback",
    "AWS_SECRET_ACCESS_KEY": "loopback",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Topology(BaseModel):
    """One topology, as `topology.json` in its folder keeps it."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    home: Path
    gpu_home: Path
    cpu_workers: int
    ports: dict[str, int]
    password: str
    s3_front: str | None = None
    """Address that clients are given for S3 where something stands before it, as a test's proxy that can fail."""

    @property
    def run(self) -> Path:
        """Where cards (pids) and logs of the services lie."""
        return self.folder / "run"

    @property
    def api_url(self) -> str:
        """Address of Prefect's API."""
        return f"http://{LOOPBACK}:{self.ports['server']}/api"

    @property
    def s3_url(self) -> str:
        """Address of the S3 server itself."""
        return f"http://{LOOPBACK}:{self.ports['s3']}"

    def redis_url(self, database: int) -> str:
        """Return the address of one of Redis' databases."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.ports['redis']}/{database}"

    @property
    def client_environment(self) -> dict[str, str]:
        """What a person's shell and the workers need."""
        return {
            "EMPATHY_TOPOLOGY": str(self.folder),
            "EMPATHY_HOME": str(self.home),
            "EMPATHY_ARTIFACTS": f"s3://{BUCKET}/artifacts",
            "EMPATHY_JOURNAL": f"s3://{BUCKET}/journal",
            "PREFECT_API_URL": self.api_url,
            **PATIENCE,
            "AWS_ENDPOINT_URL": self.s3_front or self.s3_url,
            **S3_KEYS,
        }

    @property
    def worker_environment(self) -> dict[str, str]:
        """The client's, with the judge's keys of whoever brings it up, but no other Prefect's or cloud's."""
        return {
            **drop(os.environ, ("PREFECT_", "AWS_")),
            **QUIET,
            **self.client_environment,
            "PREFECT_HOME": str(self.folder / "prefect"),
            MARK: str(self.folder),
        }

    @property
    def plain_environment(self) -> dict[str, str]:
        """What those need that know nothing of Prefect: no password, no key."""
        kept = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")
        return {**{name: value for name, value in os.environ.items() if name in kept}, MARK: str(self.folder)}

    @property
    def server_environment(self) -> dict[str, str]:
        """What API and services share: PostgreSQL for records; Redis for events, leases and background work."""
        port = self.ports["postgresql"]
        inherited = drop(os.environ, ("PREFECT_", "AWS_"))
        return {
            **server_environment(self.folder / "prefect", self.ports["server"], inherited),
            "PREFECT_API_DATABASE_CONNECTION_URL": (
                f"postgresql+asyncpg://{USER}:{self.password}@{LOOPBACK}:{port}/{USER}"
            ),
            "PREFECT_SERVER_EVENTS_MESSAGING_BROKER": "prefect_redis.messaging",
            "PREFECT_SERVER_EVENTS_MESSAGING_CACHE": "prefect_redis.messaging",
            "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
            "PREFECT_SERVER_WORKER_CHANNEL_CLEANUP_QUEUE_STORAGE": "prefect_redis.cleanup_queue",
            "PREFECT_REDIS_MESSAGING_URL": self.redis_url(0),
            "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL": self.redis_url(0),
            "PREFECT_SERVER_DOCKET_URL": self.redis_url(1),
            MARK: str(self.folder),
        }

    def save(self) -> None:
        """Write `topology.json` and `env.sh`; the first holds the password."""
        write_secret(self.folder / "topology.json", self.model_dump_json(indent=2))
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.client_environment.items()]
        # another server's key must not be sent to this one, nor another cloud's profile be used
        lines += ["unset PREFECT_API_KEY PREFECT_API_AUTH_STRING AWS_SESSION_TOKEN AWS_PROFILE"]
        (self.folder / "env.sh").write_text("\n".join(lines) + "\n", encoding="utf-8")


def load_topology(folder: Path) -> Topology | None:
    """Return the topology that a folder holds, if there is one."""
    file = folder / "topology.json"
    return Topology.model_validate_json(file.read_text(encoding="utf-8")) if file.exists() else None


def make_password() -> str:
    """Return a password that needs no quoting in a URL."""
    return secrets.token_hex(16)


def write_secret(file: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    file.touch(mode=0o600)
    file.chmod(0o600)
    file.write_text(text, encoding="utf-8")


def drop(environment: Mapping[str, str], prefixes: tuple[str, ...]) -> dict[str, str]:
    """Return an environment without the names that start so."""
    return {name: value for name, value in environment.items() if not name.startswith(prefixes)}


def find_free_ports() -> dict[str, int]:
    """Return a free port for each service, chosen by the system."""
    sockets = {name: socket.create_server((LOOPBACK, 0)) for name in DEFAULT_PORTS}
    ports = {name: one.getsockname()[1] for name, one in sockets.items()}
    for one in sockets.values():
        one.close()
    return ports
