"""The doctor: a line a part of the machine, no key in it, nothing started, nothing left, nobody waited for."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import duckdb
import pytest

from flows.doctor import Finding, examine
from flows.doctor.endpoint import check_judge
from flows.doctor.http import hide_secrets
from flows.doctor.machine import judge_room
from flows.doctor.orchestration import check_server
from flows.doctor.software import judge_packages
from flows.doctor.storage import check_artifacts, check_database, check_home
from flows.server import Server
from tasks.settings import Settings
from tasks.store import Store

KEY = "sk-CANARY0123456789"


class Endpoint(BaseHTTPRequestHandler):
    """Answers as its path says: /200/models with 200, /hang/models never; keeps what it was sent."""

    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(f"{self.path} {self.headers}")
        status = self.path.split("/")[1]
        if status == "hang":
            time.sleep(8)
            return
        self.send_response(int(status))
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a person without keys."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "EMPATHY_JUDGE_API_KEY", "EMPATHY_ARTIFACTS", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.setenv("EMPATHY_HOME", str(tmp_path / "home"))
    return Settings()


def states(found: Iterator[Finding]) -> list[str]:
    return [finding.state for finding in found]


def doctor(environment: dict[str, str], *args: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows", "doctor", *args]
    return subprocess.run(command, env={**environment, **more}, capture_output=True, text=True, timeout=60, check=False)


def test_a_new_home_has_no_problem_and_is_not_made(environment: dict[str, str], tmp_path: Path) -> None:
    environment["PREFECT_HOME"] = str(tmp_path / "prefect")
    done = doctor(environment, "--json")
    result = json.loads(done.stdout)
    assert (done.returncode, result["n_problems"]) == (0, 0)
    assert {finding["area"] for finding in result["findings"]} == {
        "python", "packages", "home", "artifacts", "journal", "database", "server", "judge", "disk", "memory", "gpu",
    }  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_a_problem_says_what_to_do_and_exits_1_without_showing_the_key(
    environment: dict[str, str], tmp_path: Path, endpoint: str
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "empathy.duckdb").write_bytes(b"garbage" * 1000)
    done = doctor(environment, OPENAI_API_KEY=KEY, OPENAI_BASE_URL=f"{endpoint}/200", PREFECT_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "empathy rebuild" in done.stdout
    assert "a key is set" in done.stdout
    assert KEY not in done.stdout + done.stderr + "".join(Endpoint.seen)


@pytest.mark.parametrize(
    ("path", "state"), [("200", "ok"), ("401", "ok"), ("404", "warning"), ("503", "warning"), ("hang", "problem")]
)
def test_an_endpoint_is_reachable_if_it_answers(settings: Settings, endpoint: str, path: str, state: str) -> None:
    started = time.monotonic()
    found = list(check_judge(settings.model_copy(update={"judge_base_url": f"{endpoint}/{path}"})))
    assert [finding.state for finding in found] == [state, "warning"]
    assert "OPENAI_API_KEY" in found[1].do
    assert time.monotonic() - started < 4


def test_an_endpoint_that_is_not_there_is_a_problem(settings: Settings) -> None:
    gone = settings.model_copy(update={"judge_base_url": "http://user:secret@127.0.0.1:9/v1?token=secret"})
    found = list(check_judge(gone))
    assert found[0].state == "problem"
    assert "secret" not in str(found)


def test_a_check_that_hangs_or_breaks_is_a_finding_and_holds_nobody_up(settings: Settings) -> None:
    def hang(settings: Settings) -> list[Finding]:
        time.sleep(30)
        return []

    def fail(settings: Settings) -> list[Finding]:
        raise RuntimeError("broken\nmore")

    started = time.monotonic()
    found = examine(settings, {"a": hang, "b": fail, "c": lambda _: [Finding("c", "ok", "fine")]}, deadline_s=0.3)
    assert time.monotonic() - started < 3
    assert [(finding.area, finding.state) for finding in found] == [("a", "problem"), ("b", "problem"), ("c", "ok")]
    assert "RuntimeError: broken" in found[1].said


def test_the_homes_own_server_is_seen_with_its_database(
    settings: Settings, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    homes = [path for path in tmp_path_factory.getbasetemp().iterdir() if path.name.startswith("server-home")]
    first, *pools = check_server(settings.model_copy(update={"home": homes[0]}))
    assert first.said.startswith(f"{server.api_url} (this home's own), Prefect 3.8.8, database SQLite")
    assert first.state == "ok"
    assert [pool.area for pool in pools] == ["pools"] * len(pools) != []


def test_a_server_of_prefects_profile_that_is_gone_is_told(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "prefect").mkdir()
    profiles = 'active = "far"\n[profiles.far]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n'
    (tmp_path / "prefect" / "profiles.toml").write_text(profiles, encoding="utf-8")
    (found,) = check_server(settings)
    assert (found.state, "PREFECT_API_URL" in found.do) == ("problem", True)


def test_a_bucket_is_tried_and_left_as_it_was(settings: Settings, bucket: str) -> None:
    import s3fs

    assert states(check_artifacts(settings.model_copy(update={"artifacts": f"{bucket}/deep"}))) == ["ok"]
    s3fs.S3FileSystem.clear_instance_cache()
    assert s3fs.S3FileSystem().ls(bucket) == []
    assert states(check_artifacts(settings.model_copy(update={"artifacts": f"{bucket}-none"}))) == ["problem"]


def test_a_home_that_is_a_file_is_a_problem(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("", encoding="utf-8")
    assert states(check_home(settings)) == ["problem"]


def test_a_database_is_judged_by_its_version_and_left_as_it_is(settings: Settings) -> None:
    with Store.from_settings(settings).transaction() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    states_by_version = {}
    for version in (1, 2, 3, 99):
        with duckdb.connect(str(settings.database)) as connection:
            connection.execute("UPDATE schema_version SET version = ?", [version])
        states_by_version[version] = states(check_database(settings))
    assert states_by_version == {1: ["problem"], 2: ["ok"], 3: ["ok"], 99: ["problem"]}


def test_a_database_in_use_is_a_warning(settings: Settings) -> None:
    with Store.from_settings(settings).transaction():
        pass
    program = "import sys, time, duckdb; held = duckdb.connect(sys.argv[1]); print('held', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", program, str(settings.database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        found = list(check_database(settings))
        holder.kill()
    assert [finding.state for finding in found] == ["warning"]
    assert "in use by another process" in found[0].said


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({"prefect": "3.8.8", "fastapi": "0.150.0", "polars": "2.1.0"}, ["ok"]),
        ({"prefect": "3.8.8", "fastapi": "0.150.0", "polars": "2.2.0"}, ["warning"]),
        ({"prefect": "3.9.1", "fastapi": "0.150.0"}, ["problem", "ok"]),
        ({"prefect": "3.8.8", "fastapi": "0.151.0"}, ["problem", "ok"]),
        ({"prefect": "3.8.8", "fastapi": None}, ["problem"]),
        ({"prefect": "3.8.8", "fastapi": "0.150.0", "torch": "2.13.0+cpu"}, ["ok"]),
    ],
)
def test_packages_are_judged_by_what_was_tested(installed: dict[str, str | None], expected: list[str]) -> None:
    tested = {"prefect": "3.8.8", "fastapi": "0.150.0", "polars": "2.1.0", "torch": "2.13.0"}
    assert states(judge_packages(installed, tested)) == expected


@pytest.mark.parametrize(("free_gb", "state"), [(10.0, "ok"), (3.0, "warning"), (0.1, "problem")])
def test_room_is_judged_by_what_the_work_needs(free_gb: float, state: str) -> None:
    assert judge_room("disk", free_gb, 5.0, 0.5, "said", "do").state == state


def test_no_secret_of_an_address_is_shown() -> None:
    assert hide_secrets("https://me:pw@host:1/v1?token=t#f") == "https://host:1/v1"
