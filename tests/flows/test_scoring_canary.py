"""The judge's key stands nowhere: not in the home, the artifacts, Prefect's database, nor in what is printed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.server import Server
from tests.scoring.fault_server import FaultServer

KEY = "sk-CANARY0123456789abcdef"
FAULTS = {"rate_limit": 0.1, "server": 0.1, "malformed": 0.1, "refusal": 0.05}
N_TURNS = 30


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "OPENAI_API_KEY": KEY}


@pytest.fixture
def endpoint() -> Iterator[FaultServer]:
    """A judge's endpoint that repeats the caller's key in every error message."""
    server = FaultServer(rates=FAULTS, seed=3, retry_after="0.05", key=KEY, echoes=f"(key {KEY})", lacks=("schema",))
    yield server.start()
    server.stop()


@pytest.fixture
def server_home(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the session's Prefect server: its database, the log of its writes, its own log."""
    (card,) = tmp_path_factory.getbasetemp().glob("server-home[0-9]*/server/server.json")
    assert json.loads(card.read_text())["pid"] == server.pid
    return card.parent


def make_spellings() -> list[bytes]:
    """The key, and its base64 wherever it begins in a longer text."""
    encoded = [base64.b64encode(b"x" * shift + KEY.encode())[4:-4] for shift in range(3)]
    return [KEY.encode(), KEY[3:].encode(), *encoded]


def find_key(folder: Path) -> list[str]:
    """Return the files under a folder that hold the key; asserts that there are files to look at."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert files
    return [str(path) for path in files if any(spelling in path.read_bytes() for spelling in make_spellings())]


def test_the_key_stands_nowhere_after_runs_that_succeed_and_one_that_is_refused(
    empathy: Callable[..., object], endpoint: FaultServer, environment: dict[str, str], server_home: Path,
    tmp_path: Path, write_dialogues: Callable[..., Path],
) -> None:  # fmt: skip
    turns = {f"d{n}": (f"I met {n} old friends.", f"All {n} of them?") for n in range(N_TURNS)}
    empathy("ingest", str(write_dialogues(tmp_path / "d.jsonl", turns)))
    score = ("score", "--judge", "openai", "--base-url", endpoint.url, "--model", "judge-2026")
    done = [empathy(*score, "--limit", "10", "--verbose"), empathy(*score, "--limit", "10", "--json")]
    result = json.loads(done[1].stdout)
    assert result["n_scored"] > 10
    endpoint.key = "sk-another"
    for flags in (["--verbose"], ["--json"], []):
        done.append(empathy(*score, *flags, check=False))
        assert done[-1].returncode == 1
        assert "Incorrect API key" in done[-1].stderr + done[-1].stdout
    assert {"auth", "rate_limit", "server", "schema"} <= set(endpoint.count_faults())
    done.append(empathy("status", "--json"))

    said = "\n".join(run.stdout + run.stderr for run in done).encode()
    assert [spelling for spelling in make_spellings() if spelling in said] == []
    home = Path(environment["EMPATHY_HOME"])
    assert {"empathy.duckdb", "judge.json"} <= {path.name for path in home.rglob("*")}
    assert find_key(home) == []
    assert any(path.name.startswith("prefect.db") for path in server_home.iterdir())
    assert find_key(server_home.parent) == []


def test_the_search_finds_a_key_that_is_there(tmp_path: Path) -> None:
    for number, text in enumerate([KEY, f"Bearer {KEY}", f'{{"key": "{KEY}"}}']):
        (tmp_path / f"plain{number}").write_text(text)
        for shift in range(3):
            (tmp_path / f"encoded{number}{shift}").write_bytes(base64.b64encode(b"y" * shift + text.encode()))
    assert len(find_key(tmp_path)) == 12
