"""A night on many machines, on the local topology: whatever is killed, restarted or refused, the run ends complete."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import psutil
import pytest

from tasks.store import Store
from tests.scoring.fault_server import FaultServer
from tests.switched_proxy import SwitchedProxy
from tests.system.on_topology import Topology, bring_up, wait_until
from tests.system.reliability import tell

pytestmark = pytest.mark.system
N_TURNS, PER_MINUTE = 2000, 1200
KEY = "nobody-CANARY0123"
FAULTS = {"rate_limit": 0.04, "server": 0.03, "drop": 0.02, "malformed": 0.02, "truncated": 0.01}
OUTAGE_S = 30.0
STEPS = ("find dialogues", "settle former batches", "plan scoring", "drift gate", "commit scores", "keep scores")
KILLED = "`kill -9` of that worker with both shards, in mid-chunk"
ENDED = ("COMPLETED", "FAILED", "CRASHED")
SMOKE = {"source": "sample",
         "expert": {"base_model": "tiny-llama", "learning_rate": 0.005, "batch_size": 4, "max_steps": 2,
                    "max_length": 128, "too_long": "cut"},
         "router": {"max_steps": 2}, "gate": {"min_seeds": 1},
         "evaluation": {"max_turns": 8, "max_responses": 4, "max_new_tokens": 8, "batch_size": 4,
                        "bootstrap": 100}}  # fmt: skip


class Night(NamedTuple):
    """What the night's run goes through: the services, the judge's endpoint, the door to S3."""

    topology: Topology
    endpoint: FaultServer
    door: SwitchedProxy

    def wait_for_calls(self, n_calls: int) -> None:
        wait_until(lambda: len(self.endpoint.calls) >= n_calls)


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, write_dialogues: Callable[..., Path]) -> Iterator[Night]:
    place = tmp_path_factory.mktemp("night")
    endpoint = FaultServer(rates=FAULTS, seed=7, key=KEY, delay_s=0.3, retry_after="0.5").start()
    s3_port = find_free_port()
    door = SwitchedProxy(s3_port)
    options = ("--cpu-workers", "2", "--s3-port", str(s3_port), "--s3-url", door.url)
    told = {"EMPATHY_JUDGE_API_KEY": KEY, "EMPATHY_JUDGE_BASE_URL": endpoint.url}
    with bring_up(place, *options, **told) as topology:
        dialogues = {f"d{n}": (f"I counted {n} boats today.", "You sound glad of it.") for n in range(N_TURNS)}
        topology.empathy("ingest", str(write_dialogues(place / "d.jsonl", dialogues)))
        topology.empathy("deploy", "--auto-retrain")
        retrain = topology.ask("deployments/name/retrain-mixture/retrain", "GET")
        topology.ask(f"deployments/{retrain['id']}", "PATCH", parameters={"config": SMOKE, "promote": True})
        topology.serve("stop", "worker-cpu-2")
        yield Night(topology, endpoint, door)
    door.stop()
    endpoint.stop()


@pytest.fixture(scope="module")
def survived(night: Night) -> dict[str, str]:
    """Start the nightly run in two shards and do to it what happens in a year; return what was done."""
    topology, done = night.topology, {}
    judge = {"kind": "openai", "model": "judge-2026"}
    scoring = {"shards": 2, "requests_per_minute": PER_MINUTE, "drift_gate": False}
    topology.run(
        sys.executable, "-m", "prefect", "deployment", "run", "score-dialogues/nightly",
        "--param", f"judge={json.dumps(judge)}", "--param", f"scoring={json.dumps(scoring)}",
    )  # fmt: skip
    (run,) = wait_until(lambda: topology.list_runs("score-dialogues"))
    wait_until(lambda: topology.list_runs("score-dialogues")[0]["state_type"] == "RUNNING")
    (lead,) = topology.list_processes(run["id"])
    worker = psutil.Process(json.loads((topology.folder / "run" / "worker-cpu-1.json").read_text())["pid"])
    worker.suspend()  # it takes no shard any more
    topology.serve("start", "worker-cpu-2")

    night.wait_for_calls(N_TURNS // 4)
    assert {process.pid for process in topology.list_processes()} > {lead.pid}
    done["A worker hangs (`SIGSTOP`)"] = "the other takes both shards"
    topology.serve("kill", "worker-cpu-2")
    done[KILLED] = ""
    worker.resume()
    night.wait_for_calls(len(night.endpoint.calls) + 200)
    topology.serve("restart", "redis")
    topology.serve("restart", "postgresql")
    night.door.switch(on=False)
    time.sleep(OUTAGE_S)
    night.door.switch(on=True)
    done["Redis restarted, PostgreSQL restarted"] = ""
    done[f"S3 refuses every connection for {OUTAGE_S:.0f} s"] = f"{night.door.n_refused} connections refused"
    wait_until(
        lambda: topology.list_runs("score-dialogues")[0]["state_type"] in ("COMPLETED", "FAILED", "CRASHED"), 600
    )
    return done


@pytest.fixture
def tables(night: Night, survived: dict[str, str], tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the night's tables: while the database is open, what follows the run has to wait."""
    with Store(Path(night.topology.environment["EMPATHY_HOME"]) / "empathy.duckdb").transaction() as connection:
        connection.execute(f"EXPORT DATABASE '{tmp_path}/tables' (FORMAT parquet)")
    with duckdb.connect() as copy:
        for name in ("scores", "attempts"):
            copy.execute(f"CREATE TABLE {name} AS FROM '{tmp_path}/tables/{name}.parquet'")
        yield copy


def count(tables: duckdb.DuckDBPyConnection, query: str) -> int:
    return tables.execute(query).fetchone()[0]


def test_every_turn_has_its_score_and_nothing_is_paid_twice_but_what_was_under_way(
    night: Night, survived: dict[str, str], tables: duckdb.DuckDBPyConnection
) -> None:
    (run,) = night.topology.list_runs("score-dialogues")
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    assert count(tables, "SELECT count(*) FROM scores WHERE sensibility IS NOT NULL") == N_TURNS
    kept = Counter(tables.execute("SELECT sensibility, rationality FROM scores").fetchall())
    turns = {call.turn for call in night.endpoint.calls}
    assert kept == Counter(tuple(map(float, night.endpoint.scores_of(turn))) for turn in turns)

    paid = Counter(call.turn for call in night.endpoint.calls if call.fault == "")
    n_twice = sum(paid.values()) - N_TURNS
    n_lost = len(night.endpoint.calls) - count(tables, "SELECT count(*) FROM attempts")
    assert 0 <= n_twice <= 64, "the calls in flight when the shards were killed; open segments are on the disk"
    assert 0 <= n_lost <= 64
    met = Counter(call.fault or "answered" for call in night.endpoint.calls)
    survived["An endpoint that goes wrong by chance"] = ", ".join(f"{name} {n:,}" for name, n in met.most_common())
    survived["In the end"] = (
        f"{N_TURNS:,} of {N_TURNS:,} turns scored, equal to the endpoint's own scores; {len(night.endpoint.calls):,} "
        f"calls, {n_twice} of them paid twice (in flight at a kill)"
    )


def test_the_history_of_the_run_is_complete(night: Night, survived: dict[str, str]) -> None:
    topology = night.topology
    (lead,) = topology.list_runs("score-dialogues")
    shards = Counter(run["state_type"] for run in topology.list_runs("score-shard"))
    assert shards == {"COMPLETED": 2, "CRASHED": 2}

    def count_tasks() -> Counter[tuple[str, str]]:
        found = topology.ask("task_runs/filter", flow_runs={"id": {"any_": [lead["id"]]}})
        return Counter((task["name"].rsplit("-", 1)[0], task["state_type"]) for task in found)

    # told over Redis, so they may come after the run's end; none may be missing. Those of shards stand for their runs
    own = Counter((name, "COMPLETED") for name in STEPS)
    deadline = time.monotonic() + 120
    while own - count_tasks() and time.monotonic() < deadline:
        time.sleep(1)
    assert not own - count_tasks(), count_tasks()
    assert sum((count_tasks() - own).values()) == sum(shards.values()), count_tasks()
    keys = {one["key"] for one in topology.ask("artifacts/filter", artifacts={"flow_run_id": {"any_": [lead["id"]]}})}
    assert keys >= {"scores", "scoring"}
    survived[KILLED] = "found without a sign of life, marked as crashed and submitted again: 2 crashed, 2 completed"
    survived["Redis restarted, PostgreSQL restarted"] = (
        f"all {count_tasks().total()} task runs of the leading run recorded"
    )


def test_all_that_was_paid_for_is_in_the_shared_journal(
    night: Night, survived: dict[str, str], tables: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    away = {**night.topology.environment, "EMPATHY_HOME": str(tmp_path / "another machine")}
    Topology(night.topology.folder, away).empathy("rebuild")
    with duckdb.connect(str(tmp_path / "another machine" / "empathy.duckdb")) as rebuilt:
        query = "SELECT turn_key, judge_id, sensibility, rationality FROM scores ORDER BY ALL"
        assert rebuilt.execute(query).fetchall() == tables.execute(query).fetchall()
        assert count(rebuilt, "SELECT count(*) FROM attempts") == count(tables, "SELECT count(*) FROM attempts")
    survived["A new machine, `empathy rebuild` from S3 alone"] = "the same scores and attempts"


def test_selection_follows_and_training_follows_it(night: Night, survived: dict[str, str]) -> None:
    topology = night.topology

    def find_ended(flow: str) -> list[dict[str, Any]]:
        return [run for run in topology.list_runs(flow) if run["state_type"] in ENDED]

    selection = wait_until(lambda: find_ended("select-subsets"))
    assert [run["state_type"] for run in selection] == ["COMPLETED"]
    training = wait_until(lambda: find_ended("retrain-mixture"), 600)
    assert [run["state_type"] for run in training] == ["COMPLETED"], training[0]["state"]["message"]
    accepted = json.loads(topology.empathy("models", "list", "--json").stdout)
    assert "mixture" in json.dumps(accepted)
    survived["Scores are new, so selection starts; subsets are other ones, so retraining starts"] = (
        "1 selection, 1 retraining, the mixture accepted"
    )


def test_the_table_of_faults_is_told(survived: dict[str, str]) -> None:
    assert all(survived.values())
    tell(survived)
