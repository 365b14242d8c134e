"""Judges' endpoints of our own, for as long as a test lasts."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.scoring.fault_server import FaultServer


@pytest.fixture
def fault_server() -> Iterator[Callable[..., FaultServer]]:
    """Start servers with faults; they end with the test."""
    servers = []

    def start(**options: Any) -> FaultServer:
        servers.append(FaultServer(**options).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
