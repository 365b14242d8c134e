"""The topology of infra/local, brought up in a folder and taken down again, and questions to its Prefect server."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil

SCRIPTS = Path(__file__).resolve().parents[2] / "infra" / "local"
MARK = "EMPATHY_TOPOLOGY_OF"
WAIT_S = 300.0


class Topology(NamedTuple):
    """Services that are up, and the environment that their env.sh gives."""

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str, timeout: float = WAIT_S) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def empathy(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "flows", *words)

    def serve(self, *words: str) -> str:
        """Start, stop, restart or kill a service, or ask how they are; return what was said."""
        return self.run(str(SCRIPTS / "service.sh"), *words).stdout

    def ask(self, path: str, method: str = "POST", **body: Any) -> Any:
        answer = httpx.request(method, f"{self.environment['PREFECT_API_URL']}/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def list_runs(self, flow: str) -> list[dict[str, Any]]:
        """Return the runs of a flow, those that are only planned left out."""
        found = self.ask("flow_runs/filter", flows={"name": {"any_": [flow]}})
        return [run for run in found if not (run["auto_scheduled"] and run["state_type"] == "SCHEDULED")]

    def list_processes(self, flow_run_id: str = "") -> list[psutil.Process]:
        """Return the processes of the topology's workers that run a flow, or that run of one."""
        return [
            process
            for process in psutil.process_iter(["environ"])
            if (process.info["environ"] or {}).get(MARK) == str(self.folder)
            and process.info["environ"].get("PREFECT__FLOW_RUN_ID", "").startswith(flow_run_id or "")
            and "PREFECT__FLOW_RUN_ID" in process.info["environ"]
        ]


def wait_until(is_true: Callable[[], Any], longest_s: float = WAIT_S) -> Any:
    """Return what is true once it is."""
    deadline = time.monotonic() + longest_s
    while not (found := is_true()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.5)
    return found


def make_environment(place: Path) -> dict[str, str]:
    """Return the environment of somebody without keys whose home is in a folder."""
    foreign = ("EMPATHY_", "OPENAI_", "PREFECT_", "AWS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    # a Prefect home of its own: a profile of whoever runs the tests must not name another API
    own = {"EMPATHY_HOME": str(place / "home"), "PREFECT_HOME": str(place / "prefect"), "OMP_NUM_THREADS": "1"}
    return {**kept, **own, "PYTHON": sys.executable, "COLUMNS": "120"}


@contextmanager
def bring_up(place: Path, *options: str, **more: str) -> Iterator[Topology]:
    """Have the topology up, with `more` in the environment of its workers; nothing of it is left afterwards."""
    topology = Topology(place / "state", make_environment(place) | more)
    try:
        topology.run(str(SCRIPTS / "up.sh"), str(topology.folder), "--free-ports", *options)
        lines = (topology.folder / "env.sh").read_text(encoding="utf-8").splitlines()
        for line in (line.removeprefix("export ") for line in lines if line.startswith("export ")):
            name, value = shlex.split(line)[0].split("=", 1)
            topology.environment[name] = value
        yield topology
    finally:
        down = [str(SCRIPTS / "down.sh"), str(topology.folder), "--wipe"]
        subprocess.run(down, env=topology.environment, timeout=WAIT_S, check=False)
