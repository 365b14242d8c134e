"""Deployments on a real server with a process worker: applied twice, started by events, by hand, and failing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple

import httpx
import psutil
import pytest

from flows.server import find_server

pytestmark = pytest.mark.system
KEY = "nobody-CANARY0123"
"""Of no shape that a parameter would be refused for; the machine knows it for its key."""
WAIT_S = 300.0


class Deployed(NamedTuple):
    """Somebody who has deployed twice, ingested and scored; what was posted to their webhook."""

    person: Any
    api_url: str
    first: dict[str, Any]
    again: dict[str, Any]
    told: list[dict[str, str]]

    def ask(self, path: str, **body: Any) -> Any:
        answer = httpx.post(f"{self.api_url}/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def list_runs(self, deployment: str) -> list[dict[str, Any]]:
        """Return the runs of a deployment, given as FLOW/NAME."""
        flow, name = deployment.split("/")
        return self.ask("flow_runs/filter", flows={"name": {"any_": [flow]}}, deployments={"name": {"any_": [name]}})

    def start(self, deployment: str, **selection: Any) -> subprocess.CompletedProcess[str]:
        """Run a deployment with the worker, as the form does, and wait for its end."""
        command = [sys.executable, "-m", "prefect", "deployment", "run", deployment,
                   "--param", f"selection={json.dumps(selection)}", "--watch", "--watch-timeout", "300"]  # fmt: skip
        return subprocess.run(
            command, env={**self.person.environment, "PREFECT_API_URL": self.api_url},
            capture_output=True, text=True, timeout=400, check=False,
        )  # fmt: skip


def wait_until(is_true: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_S
    while not (found := is_true()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(1)
    return found


def open_webhook(told: list[dict[str, str]]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def deployed(operator: Any) -> Iterator[Deployed]:
    told: list[dict[str, str]] = []
    hook = open_webhook(told)
    operator.environment["EMPATHY_WEBHOOK_URL"] = f"http://127.0.0.1:{hook.server_address[1]}/CANARYPATH"
    operator.environment["EMPATHY_JUDGE_API_KEY"] = KEY
    operator.run("up", "--worker")
    server = find_server(operator.home)
    assert server is not None
    first = json.loads(operator.run("deploy", "--json").stdout)
    again = json.loads(operator.run("deploy", "--auto-retrain", "--json").stdout)
    operator.run("ingest", "sample")
    operator.run("score")
    yield Deployed(operator, server.api_url, first, again, told)
    operator.run("down")
    hook.shutdown()
    home = str(operator.home)
    left = [process.pid for process in psutil.process_iter(["environ"]) if home in str(process.info["environ"])]
    assert left == []


def test_deploying_again_keeps_everything_and_changes_what_was_asked_for(deployed: Deployed) -> None:
    first, again = deployed.first["applied"], deployed.again["applied"]
    # that pool came with its worker, from the same file
    assert [one["name"] for one in first if one["state"] != "new"] == ["cpu"]
    assert first[0]["state"] == "unchanged"
    assert [(one["kind"], one["name"], one["id"]) for one in again] == [
        (one["kind"], one["name"], one["id"]) for one in first
    ]
    changed = {(one["kind"], one["note"]) for one in again if one["state"] != "unchanged"}
    assert changed == {("automation", "on"), ("deployment", "0 5 * * * UTC")}
    assert len(deployed.ask("automations/filter")) == sum(one["kind"] == "automation" for one in first)
    assert len(deployed.ask("deployments/filter")) == len(deployed.first["deployments"])


def test_new_scores_start_a_selection_and_other_subsets_start_a_training(deployed: Deployed) -> None:
    def find_selection() -> Any:
        return [run for run in deployed.list_runs("select-subsets/nightly") if run["state_type"] == "COMPLETED"]

    (run,) = wait_until(find_selection)
    assert run["name"] == "select paper S>5 R>5"
    assert len([name for name in deployed.person.list_made() if name.startswith("subsets/")]) >= 1
    artifacts = deployed.ask("artifacts/filter", artifacts={"flow_run_id": {"any_": [run["id"]]}})
    assert {artifact["key"] for artifact in artifacts} == {"subsets", "selection", "selection-shares"}
    training = next(one for one in deployed.again["applied"] if one["note"] == "0 5 * * * UTC")["name"]
    wait_until(lambda: [run for run in deployed.list_runs(training) if not run["auto_scheduled"]])


def test_selection_on_demand_takes_thresholds_and_refuses_wrong_ones(deployed: Deployed) -> None:
    expected = json.loads(deployed.person.run("select", "--threshold", "6", "--preview", "--json").stdout)
    done = deployed.start("select-subsets/on-demand", sensibility_threshold=6, rationality_threshold=6)
    assert done.returncode == 0, done.stdout + done.stderr
    made = [name for name in deployed.person.list_made() if name.startswith("subsets/")]
    folder = deployed.person.home / "artifacts"
    facts = [json.loads((folder / name / "manifest.json").read_text(encoding="utf-8"))["facts"] for name in made]
    assert [one["counts"] for one in facts if one["thresholds"]["sensibility"] == 6] == [expected["counts"]]

    refused = deployed.start("select-subsets/on-demand", sensibility_threshold=11)
    assert refused.returncode == 1
    assert "sensibility_threshold" in refused.stdout + refused.stderr


def test_a_failed_run_is_told_to_the_webhook_without_the_key_in_its_message(deployed: Deployed) -> None:
    done = deployed.start("select-subsets/on-demand", judge_id=KEY)
    assert done.returncode == 1
    told = wait_until(lambda: [one for one in deployed.told if one["flow"] == "select-subsets"])
    assert len(told) == 1
    assert told[0]["state"] == "Failed"
    assert "judge" in told[0]["message"].lower()
    assert f"{deployed.api_url.removesuffix('/api')}/runs/flow-run/" in told[0]["url"]
    assert "CANARY" not in json.dumps(told)
    logs = (deployed.person.home / "server").glob("*.log")
    assert [log.name for log in logs if "CANARYPATH" in log.read_text(encoding="utf-8", errors="replace")] == []
