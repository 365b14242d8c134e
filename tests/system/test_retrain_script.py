"""`infra/ci/retrain.sh` against a real server and a tiny deployment: tables printed, the exit code passed on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.server import find_server

pytestmark = pytest.mark.system
SCRIPT = Path(__file__).resolve().parents[2] / "infra" / "ci" / "retrain.sh"
DEPLOYMENT = """
from prefect import flow
from prefect.artifacts import create_markdown_artifact

@flow(name="part")
def part():
    create_markdown_artifact(key="evaluation", markdown="| System | Perplexity |")

@flow(name="tiny", flow_run_name="a name of its own")
def tiny(is_worse: bool = False):
    part()
    create_markdown_artifact(key="gate", markdown="**Failed.**" if is_worse else "**Passed.** Not worse")
    if is_worse:
        raise ValueError("The new mixture is worse")

if __name__ == "__main__":
    tiny.serve(name="retrain")
"""


@pytest.fixture
def environment(person: Any, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a CI job whose server has the deployment, and a process that runs it."""
    person.run("up")
    server = find_server(person.home)
    assert server is not None
    found = {**person.environment, "PREFECT_API_URL": server.api_url, "RETRAIN_DEPLOYMENT": "tiny/retrain"}
    found["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{found['PATH']}"
    (tmp_path / "tiny.py").write_text(DEPLOYMENT)
    with (tmp_path / "served.log").open("w") as log:
        served = subprocess.Popen([sys.executable, "tiny.py"], cwd=tmp_path, env=found, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while "tiny/retrain" not in (tmp_path / "served.log").read_text():
            assert served.poll() is None, (tmp_path / "served.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.5)
        yield {**found, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    finally:
        served.terminate()
        served.wait(60)


def retrain(environment: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(SCRIPT), *args]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_the_table_is_printed_and_the_exit_code_is_the_runs(environment: dict[str, str]) -> None:
    passed = retrain(environment)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "## a name of its own: Completed" in passed.stdout
    assert "| System | Perplexity |" in passed.stdout
    assert "**Passed.** Not worse" in passed.stdout
    assert "| System | Perplexity |" in Path(environment["GITHUB_STEP_SUMMARY"]).read_text()

    failed = retrain(environment, "--param", "is_worse=true")
    assert failed.returncode == 1
    assert "The new mixture is worse" in failed.stdout
    assert "**Failed.**" in failed.stdout
    assert "| System | Perplexity |" in failed.stdout, "the table is what one wants to see then"


def test_what_cannot_be_started_fails_and_says_why(environment: dict[str, str]) -> None:
    wrong = retrain(environment, "--param", "is_worse=perhaps")
    assert wrong.returncode == 1
    assert "was not started" in wrong.stderr
    nameless = retrain({name: value for name, value in environment.items() if name != "PREFECT_API_URL"})
    assert nameless.returncode != 0
    assert "PREFECT_API_URL" in nameless.stderr
