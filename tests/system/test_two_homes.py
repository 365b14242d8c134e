"""Two homes that start their servers at the same moment do not take each other's for their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from flows.server import ensure_server, find_server, is_listening, stop_server

pytestmark = pytest.mark.system


def test_each_home_has_a_server_and_a_port_of_its_own(tmp_path: Path) -> None:
    homes = [tmp_path / name for name in ("one", "two")]
    try:
        with ThreadPoolExecutor(2) as pool:
            servers = list(pool.map(lambda home: ensure_server(home, print), homes))
        assert len({server.port for server in servers}) == 2
        assert all(is_listening(server) for server in servers)
        assert [find_server(home) for home in homes] == servers
    finally:
        stopped = [stop_server(home) for home in homes]
    assert stopped == [["server"], ["server"]]
    assert not any(psutil.pid_exists(server.pid) and is_listening(server) for server in servers)
