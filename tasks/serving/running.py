"""A server from its socket to its last response: bound first, then the model, then requests, until a signal."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import uvicorn
from pydantic import SecretStr

from tasks.errors import UsageError
from tasks.serving.app import make_app
from tasks.serving.service import Service

BACKLOG = 1024
SLACK_S = 5.0
"""How much longer than the service the server waits: so that the service's own refusals still reach their clients."""


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The base URL that a client is given."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/v1"


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; what arrives before the model is loaded waits in it.

    Raises UsageError where the address is not there or the port is taken.
    """
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG
        )
    except OSError as error:
        raise UsageError(
            f"The server cannot listen there: {error.strerror or error}.",
            where=f"{host}:{port}",
            do="end what listens there, or choose another with --port (0 takes any free one)",
        ) from None


class Server(uvicorn.Server):
    """Uvicorn's server, which tells the service of a signal too."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take no more requests, and let those in generation end."""
        self.service.engine.begin_shutdown()
        super().handle_exit(sig, frame)


def run_server(
    service: Service, listener: socket.socket, key: SecretStr | None, say_ready: Callable[[Address], None]
) -> None:
    """Answer requests until SIGTERM or SIGINT, then return once what is in generation has ended."""
    config = uvicorn.Config(
        make_app(service, key),
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=int(service.limits.shutdown_timeout_s + SLACK_S),
    )
    server = Server(config, service)
    for number in (signal.SIGTERM, signal.SIGINT):  # at its end uvicorn raises a signal anew for what it found here
        signal.signal(number, server.handle_exit)
    say_ready(Address(*listener.getsockname()[:2]))
    server.run(sockets=[listener])
