"""`empathy models` as a person types it, without a server: a list, a promotion, the way back, and mistakes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.home import Home
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef
from tests.forking import run_empathy

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def models(environment: dict[str, str]) -> Run:
    """Run `empathy models ARGS`."""

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return run_empathy("models", *args, env=environment, timeout=280)

    return run


@pytest.fixture
def mixtures(environment: dict[str, str], make_home: Callable[[Path], Home]) -> list[ArtifactRef]:
    """Three mixtures without weights in the person's home."""
    store = make_home(Path(environment["EMPATHY_HOME"])).artifacts

    def build(folder: Path) -> dict[str, Any]:
        (folder / "training.json").write_text(json.dumps({"base": {"name": "tiny-llama", "revision": ""}}))
        return {"n_rows": 1}

    config = {"expert": {"prompt_format": "chat"}}
    return [
        store.produce(Recipe("mixture", 1, {**config, "router": {"seed": seed}}, inputs={"base": "b"}), build)
        for seed in range(3)
    ]


def test_a_mixture_is_promoted_and_taken_back_and_the_list_says_how(models: Run, mixtures: list[ArtifactRef]) -> None:
    first, _, newest = (ref.config_digest for ref in mixtures)
    assert "Promoted" in models("promote", first[:8]).stdout
    promoted = json.loads(models("promote", "--newest", "--json").stdout)
    assert (promoted["mixture"]["config_digest"], promoted["replaced"]["config_digest"]) == (newest, first)
    again = models("promote", newest)
    assert (again.returncode, "is the accepted one already" in again.stderr) == (2, True)

    back = models("rollback")
    assert (back.returncode, f"accepted    {first}" in back.stdout) == (0, True)
    listed = json.loads(models("list", "--json").stdout)
    assert [one["is_accepted"] for one in listed["mixtures"]] == [False, False, True]
    assert [step["action"] for step in listed["history"]] == ["promote", "promote", "rollback"]
    shown = models("list").stdout
    assert [shown.count(digest[:12]) >= 1 for digest in (first, newest)] == [True, True]
    assert "tiny-llama" in shown
    assert "rollback" in shown

    over = models("rollback")
    assert (over.returncode, "is the first that was accepted" in over.stderr) == (2, True)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("promote",), "give its digest, or --newest"),
        (("promote", "abcdef12", "--newest"), "give its digest, or --newest"),
        (("promote", "abc"), "too short"),
        (("promote", "zzzzzzzz"), "names no artifact of the kind mixture"),
        (("rollback",), "none was accepted"),
    ],
)
def test_mistakes_are_told(models: Run, mixtures: list[ArtifactRef], args: tuple[str, ...], said: str) -> None:
    done = models(*args)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_home_says_what_to_run(models: Run) -> None:
    for args in (("list",), ("promote", "--newest")):
        done = models(*args)
        assert (done.returncode, "run `empathy train` and `empathy route` first" in done.stderr) == (2, True)
    assert json.loads(models("list", "--json").stdout) == {"mixtures": [], "history": []}


def test_accepted_names_a_model_and_says_what_to_run_where_none_is(environment: dict[str, str], models: Run) -> None:
    done = run_empathy("export", "accepted", "out", "--format", "moe", env=environment, timeout=280)
    assert done.returncode == 2
    assert "run `empathy models promote --newest`" in done.stderr
