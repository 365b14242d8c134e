"""Responses judged and compared through the real flows: nothing is asked twice, and the corpus is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.scoring.fault_server import FaultServer

Empathy = Callable[..., CompletedProcess[str]]
pytestmark = pytest.mark.train
ARGS = ("evaluate", "sensibility", "random", "--profile", "smoke", "--json")


@pytest.fixture
def endpoint(environment: dict[str, str]) -> Iterator[FaultServer]:
    """An LLM that compares: it prefers whatever it reads first."""
    server = FaultServer(answer=lambda _: '{"verdict": "A"}').start()
    environment |= {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": server.key}
    yield server
    server.stop()


def test_responses_are_judged_and_compared_once_and_the_corpus_keeps_its_scores(
    empathy: Empathy, endpoint: FaultServer
) -> None:
    empathy("ingest", "sample")
    scored = json.loads(empathy("score", "--json").stdout)
    empathy("select")
    first = json.loads(empathy(*ARGS, "--pairwise", "--model", "judge-2026").stdout)
    assert first["judges"] == {"scores": "distilled", "verdicts": "judge-2026-pairwise"}
    judged = {row["system"]: row["n"] for row in first["metrics"] if row["metric"] == "judged_sensibility"}
    assert {"sensibility", "random"} <= judged.keys()
    assert sum(judged.values()) + sum(first["unscored"].values()) == 4 * len(judged)
    (wins,) = first["pairwise"]
    assert (wins["system"], wins["rival"], wins["n_wins"], wins["n_losses"]) == ("sensibility", "random", 0, 0)
    assert wins["n_ties"] + wins["n_unanswered"] == 4

    n_calls = len(endpoint.calls)
    assert json.loads(empathy(*ARGS, "--pairwise", "--model", "judge-2026").stdout) == first
    assert len(endpoint.calls) == n_calls
    assert json.loads(empathy("score", "--json").stdout) == scored

    unjudged = json.loads(empathy(*ARGS, "--judge", "none").stdout)
    assert (unjudged["judges"], unjudged["pairwise"]) == ({}, [])
    assert not any(row["metric"].startswith("judged") for row in unjudged["metrics"])


def test_a_comparison_without_a_pair_is_refused_before_anything_is_trained(
    empathy: Empathy, endpoint: FaultServer, environment: dict[str, str]
) -> None:
    for step in (("ingest", "sample"), ("score",), ("select",)):
        empathy(*step)
    done = empathy("evaluate", "sensibility", "--profile", "smoke", "--pairwise", "--model", "judge-2026", check=False)
    assert done.returncode == 2, done.stderr
    assert "no pair of systems" in done.stderr
    assert not (Path(environment["EMPATHY_HOME"]) / "artifacts" / "expert").exists()


def test_a_judge_that_cannot_work_is_refused_before_anything_is_trained(empathy: Empathy) -> None:
    for args in (("--pairwise",), ("--model", "m"), ("--judge", "nobody")):
        done = empathy(*ARGS, *args, check=False)
        assert done.returncode == 2, done.stderr
    assert "needs a key" in empathy(*ARGS, "--pairwise", check=False).stderr
