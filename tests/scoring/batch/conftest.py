"""Batch endpoints of our own, and runs of scoring against them: in this process, or in one to kill."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.config import JudgeConfig
from tasks.home import Home
from tasks.settings import Settings
from tests.scoring.batch import driver
from tests.scoring.batch.batch_server import BatchServer

DRIVER = Path(__file__).with_name("driver.py")
MODEL = "gpt-4o-mini"


@pytest.fixture
def batch_server() -> Iterator[Callable[..., BatchServer]]:
    """Start servers with faults; they end with the test."""
    servers = []

    def start(**options: Any) -> BatchServer:
        servers.append(BatchServer(**options).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def make_corpus(tmp_path: Path, write_dialogues: Callable[..., Path], ingest_file: Callable[..., Any]):
    """Make the home of a test and ingest `n` turns there."""

    def make(home: Home, n: int) -> list[Any]:
        turns = {f"d{number}": (f"I met {number} old friends.", f"All {number} of them?") for number in range(n)}
        return [ingest_file(home, write_dialogues(tmp_path / "d.jsonl", turns))]

    return make


@pytest.fixture
def point_at(monkeypatch: pytest.MonkeyPatch, home: Home) -> Callable[..., Home]:
    """Return the home, its judge being this server."""

    def point(server: BatchServer, key: str = "sk-right") -> Home:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", key)
        monkeypatch.setattr("tasks.scoring.engine.waits.FIRST_BACKOFF_S", 0.001)
        return Home(Settings(home=home.settings.home), home.artifacts, home.store)

    return point


@pytest.fixture
def judge_config() -> JudgeConfig:
    return JudgeConfig(kind="openai-batch", model=MODEL, endpoint_alias="here")


@pytest.fixture
def start_driver(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a whole run of scoring as a process of its own."""
    started = []

    def start(home: Home, server: BatchServer, **options: Any) -> subprocess.Popen[str]:
        values = json.dumps({"home": str(home.settings.home_dir), "url": server.url, **options})
        with (tmp_path / f"driver-{len(started)}.log").open("w") as log:
            process = subprocess.Popen([sys.executable, str(DRIVER), values], stdout=log, stderr=log, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait(10)


@pytest.fixture
def score(judge_config: JudgeConfig) -> Callable[..., dict[str, Any]]:
    """Run scoring by batches in this process, with limits of the test; returns coverage, failure, judge."""

    def run(home: Home, name: str = "run", config: JudgeConfig = judge_config, limits: dict | None = None, **scoring):
        return driver.score(home, config, name, limits or {}, **scoring)

    return run


@pytest.fixture
def read_ledger() -> Callable[[Home], dict[str, Any]]:
    """Read scores and attempts from a home's tables."""

    def read(home: Home) -> dict[str, Any]:
        with home.store.transaction() as connection:
            scores = connection.execute(
                "SELECT turn_key, sensibility, rationality, unscored_reason FROM scores"
            ).fetchall()
            found = connection.execute("SELECT * FROM attempts ORDER BY sent_at, line")
            names = [column[0] for column in found.description]
            attempts = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        return {
            "scores": {key: reason or (s, r) for key, s, r, reason in scores},
            "attempts": attempts,
            "classes": dict(Counter(row["error_class"] or "" for row in attempts)),
        }

    return read
