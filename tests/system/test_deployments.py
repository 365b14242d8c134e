"""Deployments on a real server with a process worker: the form's parameters decide, wrong ones are refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.server import find_server

pytestmark = pytest.mark.system


def start_deployment(person: Any, selection: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    server = find_server(person.home)
    assert server is not None
    command = [sys.executable, "-m", "prefect", "deployment", "run", "select-subsets/on-demand",
               "--param", f"selection={json.dumps(selection)}", "--watch", "--watch-timeout", "300"]  # fmt: skip
    return subprocess.run(
        command, env={**person.environment, "PREFECT_API_URL": server.api_url},
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip


def test_selection_on_demand_takes_thresholds_and_refuses_wrong_ones(person: Any, shared_data: Path) -> None:
    person.run("up", "--worker")
    first = json.loads(person.run("deploy", "--json").stdout)["deployments"]
    again = json.loads(person.run("deploy", "--json").stdout)["deployments"]
    assert first == again
    scheduled = {"score-dialogues/nightly", "judge-regression/weekly"}
    assert {*scheduled, "select-subsets/on-demand", "evaluate-models/retrain"} <= set(first)

    person.run("ingest", str(shared_data / "ed/valid.csv"), "--split", "valid")
    person.run("score", "--judge", f"replies:{shared_data / 'released_scores/valid.jsonl'}")

    done = start_deployment(person, {"sensibility_threshold": 6, "rationality_threshold": 6})
    assert done.returncode == 0, done.stdout + done.stderr
    made = [name for name in person.list_made() if name.startswith("subsets/")]
    manifest = json.loads((person.home / "artifacts" / made[0] / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["facts"]["counts"] == {"sensibility": 3615, "rationality": 1267, "discard": 852, "excluded": 4}

    refused = start_deployment(person, {"sensibility_threshold": 11})
    assert refused.returncode == 1
    assert "sensibility_threshold" in refused.stdout + refused.stderr

    person.run("down")
    assert find_server(person.home) is None
    home = str(person.home)
    left = [process.pid for process in psutil.process_iter(["environ"]) if home in str(process.info["environ"])]
    assert left == []
