"""A server with a login, and keys that only it has: every command, a worker and its run get on with both."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from flows.keys import KEYS
from flows.server import find_server
from tests.scoring.fault_server import FaultServer

pytestmark = pytest.mark.system
LOGIN = "admin:nobody-CANARYLOGIN"
KEY = "sk-CANARY0123456789abcdef"
SAVE = "import sys; from prefect.blocks.system import Secret; Secret(value=sys.stdin.read()).save(sys.argv[1])"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[FaultServer]:
    """A judge's endpoint that asks for the key."""
    server = FaultServer(key=KEY)
    yield server.start()
    server.stop()


@pytest.fixture(scope="module")
def api(operator: Any, endpoint: FaultServer) -> Iterator[str]:
    """The API of somebody's server that asks for a login, with a worker, deployments and dialogues."""
    operator.environment["PREFECT_SERVER_API_AUTH_STRING"] = LOGIN
    operator.environment["EMPATHY_JUDGE_BASE_URL"] = endpoint.url
    operator.run("up", "--worker")
    operator.run("deploy")
    operator.run("ingest", "sample")
    server = find_server(operator.home)
    assert server is not None
    yield server.api_url
    operator.run("down")


def run_prefect(person: Any, api_url: str, *command: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command of Prefect's with the login, as its own documentation says."""
    environment = {**person.environment, "PREFECT_API_URL": api_url, "PREFECT_API_AUTH_STRING": LOGIN}
    return subprocess.run(
        [sys.executable, *command],
        env=environment,
        input=said,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_deployed_run_finds_the_judges_key_in_the_servers_block_alone(operator, api, endpoint) -> None:
    saved = run_prefect(operator, api, "-c", SAVE, KEYS[0].block, said=KEY)
    assert saved.returncode == 0, saved.stderr
    judge, scoring = json.dumps({"kind": "openai"}), json.dumps({"limit": 5})
    done = run_prefect(
        operator, api, "-m", "prefect", "deployment", "run", "score-dialogues/nightly", "--param", f"judge={judge}",
        "--param", f"scoring={scoring}", "--watch", "--watch-timeout", "240",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(endpoint.calls) >= 5
    judges = json.loads(operator.run("status", "--json").stdout)["judges"]
    assert [one["n_scored"] for one in judges] == [5]


def test_nobody_is_let_in_without_the_login(operator, api) -> None:
    assert httpx.post(f"{api}/flow_runs/filter", json={}, timeout=30).status_code == 401
    stranger = {name: value for name, value in operator.environment.items() if "AUTH" not in name}
    for login, said in (("", "asks for a login"), ("a:b", "asks for another login")):
        done = subprocess.run(
            operator.command("select"), env={**stranger, "PREFECT_API_AUTH_STRING": login},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert said in done.stderr


def test_doctor_and_status_know_the_login(operator, api) -> None:
    found = json.loads(operator.run("doctor", "--json").stdout)["findings"]
    assert "cpu (process): 1 workers online" in [one["said"] for one in found if one["area"] == "pools"]
    assert json.loads(operator.run("status", "--json").stdout)["server"] == api.removesuffix("/api")


def test_neither_login_nor_key_stands_in_any_file_of_the_home(operator, api) -> None:
    files = [file for file in operator.home.rglob("*") if file.is_file()]
    assert len(files) > 10
    assert [file for file in files if b"CANARY" in file.read_bytes()] == []
    assert (operator.home / "server").stat().st_mode & 0o077 == 0
