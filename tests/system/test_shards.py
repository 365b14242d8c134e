"""One run of scoring divided among four on a worker, on the same machine and on another that shares S3 only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import httpx
import psutil
import pytest

from flows.server import find_server
from tests.scoring.fault_server import FaultServer

pytestmark = pytest.mark.system
N_TURNS, N_SHARDS = 900, 4
PER_MINUTE = 1800.0
KEY = "nobody-0123"


@pytest.fixture
def endpoint() -> Iterator[FaultServer]:
    server = FaultServer(rates={"server": 0.02, "malformed": 0.02}, seed=5, key=KEY, delay_s=0.2)
    yield server.start()
    server.stop()


@pytest.fixture(params=["one machine", "two machines"])
def crew(request: pytest.FixtureRequest, person: Any, tmp_path: Path) -> Iterator[Any]:
    """Somebody with deployments and a worker: in their home, or in one of its own with the stores in common."""
    environment = person.environment
    environment["EMPATHY_JUDGE_API_KEY"] = KEY
    away = dict(environment)
    if request.param == "two machines":
        bucket = request.getfixturevalue("bucket")

        shared = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        shared |= {"EMPATHY_ARTIFACTS": f"{bucket}/artifacts", "EMPATHY_JOURNAL": f"{bucket}/journal"}
        environment |= shared
        away |= {**shared, "EMPATHY_HOME": str(tmp_path / "away")}
    person.run("up")
    server = find_server(person.home)
    away["PREFECT_API_URL"] = server.api_url
    person.run("deploy")
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "cpu", "--name", "shards"]
    with (tmp_path / "worker.log").open("w") as log:
        worker = subprocess.Popen(command, env=away, stdout=log, stderr=log, cwd=tmp_path)
        yield person, server.api_url
        for process in [*psutil.Process(worker.pid).children(recursive=True), worker]:
            process.terminate()
        worker.wait(60)


def find_shards() -> list[psutil.Process]:
    """Return the processes that score a shard of these tests, the last to start last."""
    found = [
        process
        for process in psutil.process_iter(["environ", "create_time"])
        if "PREFECT__FLOW_RUN_ID" in (process.info["environ"] or {})
        and process.info["environ"].get("EMPATHY_JUDGE_API_KEY") == KEY
    ]
    return sorted(found, key=lambda process: process.info["create_time"])


def kill_one_shard(endpoint: FaultServer) -> None:
    """Kill the shard with most to do, once a third of the turns are asked about."""
    deadline = time.monotonic() + 240
    while len(endpoint.calls) < N_TURNS // 3:
        assert time.monotonic() < deadline, "the shards do not ask"
        time.sleep(0.1)
    find_shards()[-1].kill()


def measure_excess(times: list[float], window_s: float) -> float:
    """Return the most calls in any window of the run, over what the limit allows in it."""
    ordered = sorted(times)
    allowed, most, first = PER_MINUTE / 60 * window_s, 0, 0
    for last, at in enumerate(ordered):
        while ordered[first] < at - window_s:
            first += 1
        most = max(most, last - first + 1)
    return most / allowed


def test_shards_score_as_one_process_does_within_its_limit_and_a_killed_one_is_submitted_again(
    crew: tuple[Any, str], endpoint: FaultServer, tmp_path: Path, write_dialogues: Callable[..., Path]
) -> None:
    source = write_dialogues(tmp_path / "d.jsonl", {f"d{n}": (f"I saw {n} boats.", "Nice!") for n in range(N_TURNS)})
    person, api_url = crew
    person.run("ingest", str(source))
    score = ("score", "--judge", "openai", "--base-url", endpoint.url, "--model", "judge-2026",
             "--requests-per-minute", f"{PER_MINUTE:g}")  # fmt: skip
    started = subprocess.Popen(
        person.command(*score, "--shards", str(N_SHARDS), "--json"), env=person.environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    kill_one_shard(endpoint)
    stdout, stderr = started.communicate(timeout=300)
    assert started.returncode == 0, stderr
    runs = httpx.post(f"{api_url}/flow_runs/filter", json={"flows": {"name": {"any_": ["score-shard"]}}}, timeout=30)
    assert Counter(run["state_type"] for run in runs.json()) == {"COMPLETED": N_SHARDS, "CRASHED": 1}
    result = json.loads(stdout)
    assert (result["n_turns"], result["n_scored"]) == (N_TURNS, N_TURNS)

    with duckdb.connect(str(person.home / "empathy.duckdb"), read_only=True) as connection:
        scores = connection.execute("SELECT turn_key, sensibility, rationality FROM scores").fetchall()
        n_attempts = connection.execute("SELECT count(*) FROM attempts").fetchone()[0]
    given = Counter(endpoint.scores_of(call.turn) for call in {call.turn: call for call in endpoint.calls}.values())
    assert Counter((int(s), int(r)) for _, s, r in scores) == given, "one process would have given the same"

    paid = Counter(call.turn for call in endpoint.calls if call.fault == "")
    n_twice = sum(paid.values()) - N_TURNS
    print(f"calls {len(endpoint.calls)}, attempts kept {n_attempts}, paid twice {n_twice}")
    in_flight = 64 // N_SHARDS
    open_segment = 0 if person.environment.get("EMPATHY_JOURNAL") is None else 200
    assert n_twice <= in_flight + open_segment, "at most the calls in flight and, without its disk, open segments"
    assert len(endpoint.calls) - n_attempts <= in_flight + open_segment

    excess = measure_excess([call.at for call in endpoint.calls], window_s=10.0)
    print(f"most calls of 10 s over the limit's: {excess:.3f}")
    assert excess <= 1.05
    again = json.loads(person.run(*score, "--shards", "2", "--json").stdout)
    assert again["n_scored"] == N_TURNS
    assert sum(Counter(call.turn for call in endpoint.calls if call.fault == "").values()) == N_TURNS + n_twice
