"""`kill -9` in the middle of a training, through the flow: the same command goes on, and ends as one never killed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from flows.server import find_server
from tests.system.killing import kill_when_printed

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.train, pytest.mark.timeout(600)]

N_STEPS, KILLED_AT = 16, 8
OPTIONS = ("--profile", "smoke", "--max-steps", str(N_STEPS), "--verbose")


@pytest.fixture
def other(person: Any, tmp_path: Path) -> Any:
    """The same person with another home, on the server of the first one."""
    server = find_server(person.home)
    assert server is not None or person.run("up")
    found = find_server(person.home)
    assert found is not None
    home = tmp_path / "other home"
    return person._replace(
        home=home, environment={**person.environment, "EMPATHY_HOME": str(home), "PREFECT_API_URL": found.api_url}
    )


def select(person: Any) -> None:
    person.run("ingest", "sample")
    person.run("score")
    person.run("select")


def list_steps(printed: str, step: str) -> list[int]:
    """Return the steps of a training that a command did, as its progress lines say."""
    return [int(done) for done in re.findall(rf"step={step} done=(\d+) total={N_STEPS}\b", printed) if int(done)]


def read_files(person: Any, kind: str, name: str) -> dict[str, bytes]:
    """Return the files of the current artifact of a name."""
    ref = json.loads((person.home / "artifacts" / "current" / f"{name}.json").read_text(encoding="utf-8"))
    folder = Path(ref["uri"])
    assert folder.parent == person.home / "artifacts" / kind
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    del files["manifest.json"]  # when, in which flow run
    return files


def test_a_training_that_was_killed_ends_as_one_that_was_not(person: Any, other: Any) -> None:
    environment = {**person.environment, "EMPATHY_CHECKPOINT_EVERY_S": "0"}
    killed = person._replace(environment=environment)
    select(killed)
    for command, step in ((("train", "sensibility"), "train sensibility"), (("route",), "train router")):
        words = f"step={step} done={KILLED_AT} total={N_STEPS}"
        assert kill_when_printed(killed.command(*command, *OPTIONS), environment, words), f"never came to: {words}"
        done = list_steps(killed.run(*command, *OPTIONS).stderr, step)
        assert done == list(range(done[0], N_STEPS + 1))
        assert KILLED_AT - 1 <= done[0] <= KILLED_AT + 3  # a checkpoint each step, and the pipe has its delay

    select(other)
    undisturbed = other.run("route", *OPTIONS).stderr
    for step in ("train sensibility", "train rationality", "train router"):
        assert list_steps(undisturbed, step) == list(range(1, N_STEPS + 1))
    for kind, name in (("expert", "expert-sensibility"), ("expert", "expert-rationality"), ("mixture", "mixture")):
        expected, found = read_files(other, kind, name), read_files(killed, kind, name)
        assert expected.keys() == found.keys()
        assert [file for file in expected if expected[file] != found[file]] == []
