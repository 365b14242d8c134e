"""The topology of infra/local: PostgreSQL, Redis, Prefect on both, workers and S3, from processes."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from flows.processes import find_process
from tests.system.on_topology import MARK, SCRIPTS, Topology, bring_up, wait_until

pytestmark = pytest.mark.system
NAMES = ("postgresql", "redis", "s3", "server", "services", "worker-cpu-1", "worker-gpu-1")


def read_pids(topology: Topology) -> dict[str, int]:
    cards = {name: find_process(topology.folder / "run" / f"{name}.json") for name in NAMES}
    return {name: card.pid for name, card in cards.items() if card is not None}


def find_left(folder: Path) -> list[str]:
    left = []
    for process in psutil.process_iter(["environ", "cmdline"]):
        environ, command = process.info["environ"] or {}, process.info["cmdline"] or []
        if environ.get(MARK) == str(folder) or any(str(folder) in word for word in command):
            left.append(f"{process.pid} {command[:4]}")
    return left


def find_listening(folder: Path) -> list[str]:
    ports = json.loads((folder / "topology.json").read_text(encoding="utf-8"))["ports"]
    listening = []
    for name, port in ports.items():
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                listening.append(name)
    return listening


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    place = tmp_path_factory.mktemp("topology")
    with bring_up(place) as topology:
        topology.empathy("ingest", "sample")
        topology.empathy("deploy")
        yield topology
        topology.run(str(SCRIPTS / "down.sh"), str(topology.folder))
        left = [*find_left(topology.folder), *find_listening(topology.folder)]
    assert left == []
    assert not topology.folder.exists()


def test_a_run_survives_a_restart_of_postgresql_and_of_redis_and_leaves_a_whole_record(operator: Topology) -> None:
    operator.run(sys.executable, "-m", "prefect", "deployment", "run", "score-dialogues/nightly")

    def find(state: str) -> Any:
        runs = operator.ask("flow_runs/filter", flows={"name": {"any_": ["score-dialogues"]}})
        return [run for run in runs if run["state_type"] == state and not run["auto_scheduled"]]

    wait_until(lambda: find("RUNNING"))
    operator.serve("restart", "postgresql")
    operator.serve("restart", "redis")
    (run,) = wait_until(lambda: find("COMPLETED"))

    def list_tasks() -> list[str]:
        found = operator.ask("task_runs/filter", flow_runs={"id": {"any_": [run["id"]]}})
        return [task["state_type"] for task in found]

    # told over Redis, so they may come after the run's end; none may be missing, or stay as it was
    wait_until(lambda: len(list_tasks()) >= 6 and set(list_tasks()) == {"COMPLETED"})
    artifacts = operator.ask("artifacts/filter", artifacts={"flow_run_id": {"any_": [run["id"]]}})
    assert {one["key"] for one in artifacts} >= {"scores", "scoring"}
    store = boto3.client("s3", endpoint_url=operator.environment["AWS_ENDPOINT_URL"], region_name="us-east-1",
                         aws_access_key_id="loopback", aws_secret_access_key="loopback")  # fmt: skip
    found = store.list_objects_v2(Bucket="efficient-empathy", Prefix="artifacts/scores/")["Contents"]
    assert any(one["Key"].endswith("/manifest.json") for one in found)


def test_the_scheduler_plans_the_runs_of_every_active_schedule(operator: Topology) -> None:
    def list_planned() -> set[str]:
        runs = operator.ask("flow_runs/filter", flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}})
        return {run["deployment_id"] for run in runs if run["auto_scheduled"]}

    deployments = operator.ask("deployments/filter")
    wanted = {one["id"] for one in deployments if any(schedule["active"] for schedule in one["schedules"])}
    assert len(wanted) == 3
    wait_until(lambda: list_planned() == wanted)


def test_new_scores_start_the_selection_through_redis_and_the_services(operator: Topology) -> None:
    def find_selection() -> Any:
        runs = operator.ask("flow_runs/filter", flows={"name": {"any_": ["select-subsets"]}})
        return [run for run in runs if run["state_type"] == "COMPLETED"]

    assert wait_until(find_selection)[0]["name"] == "select paper S>5 R>5"


def test_nothing_looks_for_another_redis_or_database_than_ours(operator: Topology) -> None:
    logs = {
        name: (operator.folder / "run" / f"{name}.log").read_text(encoding="utf-8") for name in ("server", "services")
    }
    assert all(logs.values())
    # what a setting of Prefect's is by default; a default port of ours is none of these
    strange = re.compile(r"localhost|:(?:6379|5432)\b")
    assert [name for name, log in logs.items() if strange.search(log)] == []


def test_up_again_keeps_what_is_up_and_brings_back_a_killed_worker(operator: Topology) -> None:
    before = read_pids(operator)
    assert tuple(before) == NAMES
    worker = psutil.Process(before["worker-cpu-1"])
    operator.serve("kill", "worker-cpu-1")
    assert not worker.is_running()
    assert "worker-cpu-1   down" in operator.serve("status")
    operator.run(str(SCRIPTS / "up.sh"))
    after = read_pids(operator)
    assert {name for name in NAMES if before[name] != after[name]} == {"worker-cpu-1"}


def test_a_port_of_somebody_elses_is_one_message_and_nothing_is_started(operator: Topology, tmp_path: Path) -> None:
    port = json.loads((operator.folder / "topology.json").read_text(encoding="utf-8"))["ports"]["redis"]
    command = [SCRIPTS / "up.sh", tmp_path / "other", "--free-ports", "--redis-port", str(port)]
    done = subprocess.run(command, env=operator.environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"Somebody else has the port {port} (redis; held by redis-server" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "other" / "run").exists()
