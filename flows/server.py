"""The background Prefect server and worker: one a home, on loopback unless told otherwise, started once and reused.

Prefect's own ephemeral server starts and stops with every command, which costs half a minute each and
loses its last records.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import psutil
from filelock import FileLock

from flows.access import ASKED, LOOPBACK, Access, is_let_in
from flows.processes import Card, find_process, start_process, stop_process
from tasks.errors import ConfigError, ServerError

FIRST_PORT = 4200
N_PORTS = 200
START_TIMEOUT_S = 240.0
N_TRIES = 4

# Prefect reads these at import, in this process and in those we start.
QUIET = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}


class Server(NamedTuple):
    """A running server of the home."""

    pid: int
    port: int
    version: str
    host: str = LOOPBACK
    """The address that it binds."""
    has_login: bool = False

    @property
    def url(self) -> str:
        """Address of the user interface, from this machine."""
        is_everywhere = self.host == "0.0.0.0"  # noqa: S104 # nosec B104 # a comparison
        return f"http://{LOOPBACK if is_everywhere else self.host}:{self.port}"

    @property
    def api_url(self) -> str:
        """Address of the API."""
        return f"{self.url}/api"


def find_server(home: Path) -> Server | None:
    """Return the home's server if its process is alive."""
    card = find_process(server_card(home))
    return read_server(card) if card else None


def read_server(card: Card) -> Server:
    """Return the server that a card is of."""
    facts = card.facts
    host, has_login = str(facts.get("host", LOOPBACK)), bool(facts.get("has_login"))
    return Server(card.pid, int(str(facts["port"])), str(facts["version"]), host, has_login)


def server_card(home: Path) -> Path:
    """Return where the home keeps the server's card; its log lies beside it."""
    return home / "server" / "server.json"


def worker_card(home: Path, pool: str) -> Path:
    """Return where the home keeps a worker's card."""
    return home / "server" / f"worker-{pool}.json"


def is_healthy(server: Server, timeout_s: float = 2.0) -> bool:
    """Say whether the server answers."""
    try:
        with urllib.request.urlopen(f"{server.api_url}/health", timeout=timeout_s) as answer:  # noqa: S310 - loopback
            return answer.status == 200
    except OSError:
        return False


def is_listening(server: Server) -> bool:
    """Say whether the port is this server's: another one that answers there is somebody else's."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(server.pid)
        for one in (process, *process.children(recursive=True)):
            for link in one.net_connections("tcp"):
                if link.status == psutil.CONN_LISTEN and link.laddr.port == server.port:
                    return True
    return False


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Say whether nothing listens on a port of an address."""
    with socket.socket() as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def ensure_server(home: Path, say: Callable[[str], None], access: Access = Access()) -> Server:  # noqa: B008 - frozen
    """Return the home's running server, starting it if there is none.

    Raises ServerError if it does not come up, ConfigError if it does not take the login or binds another address.
    """
    folder = home / "server"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # its database has everybody's secret blocks, and the key to them
    with FileLock(folder / "lock", timeout=START_TIMEOUT_S):
        server = find_server(home)
        reason = find_reason(server) if server else ""
        if server is None or reason:
            access = go_on_as(server or read_last(home), access)
            if reason:
                say(f"The Prefect server {reason}: restarting it.")
                stop_server(home)
            say("Starting a Prefect server in the background (once; about half a minute) …")
            return _start_on_free_port(home, access)
        _wait_until_healthy(server, home)
        check_entrance(server, access)
        return server


def find_reason(server: Server) -> str:
    """Return why a running server cannot stay, nothing if it can."""
    if server.version != version("prefect"):
        return f"is {server.version}, this program uses {version('prefect')}"
    return ""


def read_last(home: Path) -> Server | None:
    """Return the home's server that ended by itself, if it did: `empathy down` leaves no card."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        return read_server(Card(**json.loads(server_card(home).read_text(encoding="utf-8"))))
    return None


def go_on_as(last: Server | None, access: Access) -> Access:
    """Return how a server is to start after one that ended by itself: as that one did. Raises ConfigError."""
    if last is None:
        return access
    if last.has_login and not access.asked:
        raise ConfigError(
            "The Prefect server of this home asked for a login, and has ended; without one it would be open.",
            where=ASKED,
            do="set it as before; or `empathy down`, and the next one asks for none",
        )
    return access._replace(host=access.host or last.host)


def check_entrance(server: Server, access: Access) -> None:
    """Raise ConfigError if a running server binds another address than was asked for, or does not take the login."""
    if access.host not in (None, server.host):
        raise ConfigError(
            f"The server runs on {server.host}.", where=f"--host {access.host}", do="`empathy down` first"
        )
    if access.asked and not server.has_login:
        raise ConfigError(
            "The Prefect server of this home runs without a login.",
            where=ASKED,
            do="`empathy down` ends it with its workers and what they run; then start it again",
        )
    if server.has_login and not is_let_in(server.api_url, access.headers):
        said = "another login than this one" if access.given else "a login"
        raise ConfigError(
            f"The Prefect server of this home asks for {said}.",
            where=server.url,
            do="set PREFECT_API_AUTH_STRING=USER:PASSWORD as it was started with, or `empathy down`",
        )


def ensure_worker(home: Path, api_url: str, pool: str) -> int:
    """Return the pid of the home's process worker for a pool, starting it if there is none."""
    card_file = worker_card(home, pool)
    card_file.parent.mkdir(parents=True, exist_ok=True)
    card = find_process(card_file)
    if card is None:
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"]
        env = {**os.environ, **QUIET, "PREFECT_API_URL": api_url, "EMPATHY_HOME": str(home)}
        card = start_process(card_file, command, env, {"pool": pool})
    return card.pid


def stop_server(home: Path) -> list[str]:
    """Stop the home's workers and server, workers first as they cling to a server that is gone; say which."""
    cards = [*sorted((home / "server").glob("worker-*.json")), server_card(home)]
    return [card.stem for card in cards if stop_process(card)]


def server_environment(
    folder: Path,
    port: int,
    inherited: Mapping[str, str],
    access: Access = Access(),  # noqa: B008 - frozen
) -> dict[str, str]:
    """Return the server's environment: its own home and database, its login, no telemetry, a UI that finds its API."""
    # another API's name and everybody's keys are not the server's business
    dropped = ("PREFECT_", "OPENAI_", "EMPATHY_", "HF_", "AWS_")
    kept = {name: value for name, value in inherited.items() if not name.startswith(dropped)}
    is_local = access.host in (None, LOOPBACK)
    return {
        **kept,
        **QUIET,
        "PREFECT_HOME": str(folder),
        # a browser elsewhere knows the server by another name
        "PREFECT_SERVER_UI_API_URL": f"http://{LOOPBACK}:{port}/api" if is_local else "/api",
        # Prefect lets the pages of every web site ask by default: one open in a browser here could start runs
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://{LOOPBACK}:{port},http://localhost:{port}",
        **({ASKED: access.asked} if access.asked else {}),
    }


def _start_on_free_port(home: Path, access: Access) -> Server:
    """Start the server; on another port where somebody took the free one meanwhile, as a home started beside ours."""
    for _ in range(N_TRIES - 1):
        server = _start_server(home, access)
        try:
            _wait_until_healthy(server, home)
        except ServerError:
            if find_server(home) is not None or is_free(server.port, server.host):
                raise
        else:
            return server
    server = _start_server(home, access)
    _wait_until_healthy(server, home)
    return server


def _start_server(home: Path, access: Access) -> Server:
    host = access.host or LOOPBACK
    port = _find_port(host)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", host, "--port", str(port)]
    env = server_environment(home / "server", port, os.environ, access)
    facts = {"port": port, "version": version("prefect"), "host": host, "has_login": bool(access.asked)}
    return read_server(start_process(server_card(home), command, env, facts))


def _wait_until_healthy(server: Server, home: Path) -> None:
    log = str(server_card(home).with_suffix(".log"))
    deadline = time.monotonic() + START_TIMEOUT_S
    while not (is_listening(server) and is_healthy(server)):
        if find_server(home) is None:
            raise ServerError("The Prefect server stopped while starting.", where=log, do="read its log")
        if time.monotonic() > deadline:
            raise ServerError(
                f"The Prefect server did not answer within {START_TIMEOUT_S:.0f} s.",
                where=log,
                do="read its log; `empathy down` stops it",
            )
        time.sleep(0.25)


def _find_port(host: str) -> int:
    """Return the first free port of an address: 4200, which people know, or the next one."""
    for port in range(FIRST_PORT, FIRST_PORT + N_PORTS):
        if is_free(port, host):
            return port
    raise ServerError(f"No free port from {FIRST_PORT} to {FIRST_PORT + N_PORTS - 1}.", where=host)
