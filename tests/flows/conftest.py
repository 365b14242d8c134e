"""A real background server for the whole session, and the command line as a person runs it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.server import Server, ensure_server, stop_server
from tests.forking import run_empathy, run_from_scratch

Empathy = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The background server that `empathy up` starts, in a home of its own."""
    home = tmp_path_factory.mktemp("server-home")
    yield ensure_server(home, print)
    stop_server(home)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a person without keys, whose home is empty."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("EMPATHY_", "OPENAI_", "PREFECT_"))
    }
    return {**kept, "EMPATHY_HOME": str(tmp_path / "home"), "COLUMNS": "120"}


@pytest.fixture
def empathy(environment: dict[str, str], server: Server) -> Empathy:
    """Run `empathy ARGS` against the session's server; `check` asserts that it exits 0."""

    def run(
        *args: str, check: bool = True, timeout: float = 280, is_forked: bool = True
    ) -> subprocess.CompletedProcess[str]:
        start = run_empathy if is_forked else run_from_scratch
        done = start(*args, env={**environment, "PREFECT_API_URL": server.api_url}, timeout=timeout)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run
