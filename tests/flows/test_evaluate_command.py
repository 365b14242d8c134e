"""`empathy evaluate` with systems named by hand: beside the controls that are there, and on from where it was cut."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Empathy = Callable[..., CompletedProcess[str]]
pytestmark = pytest.mark.train
SMOKE = ("--profile", "smoke")


def list_trained(home: Path) -> set[str]:
    """Return the names of the adapters of a home."""
    manifests = (home / "artifacts" / "expert").glob("*/manifest.json")
    return {json.loads(path.read_text(encoding="utf-8"))["config"]["name"] for path in manifests}


def test_a_named_system_stands_beside_the_controls_that_are_trained_and_a_cut_evaluation_goes_on(
    empathy: Empathy, environment: dict[str, str]
) -> None:
    home = Path(environment["EMPATHY_HOME"])
    for step in (("ingest", "sample"), ("score",), ("select",), ("train", "--control", "union", *SMOKE)):
        empathy(*step)
    empathy("route", *SMOKE)  # trains both experts first

    cut = empathy("evaluate", "mixture", *SMOKE, "--max-minutes", "0", check=False)
    assert cut.returncode == 3
    assert "run the same command again" in cut.stderr
    (kept,) = (home / "cache" / "evaluation").iterdir()
    assert len(list(kept.glob("*.json"))) == 1

    done = json.loads(empathy("evaluate", "mixture", *SMOKE, "--json").stdout)
    assert {row["system"] for row in done["metrics"]} == {"mixture", "union", "sensibility", "rationality", "base"}
    tested = {(row["a"], row["b"]) for row in done["comparisons"]}
    assert {("mixture", "union"), ("mixture", "sensibility"), ("mixture", "rationality")} <= tested
    assert {row["p_value"] for row in done["comparisons"]} == {None}, "8 turns are too few to test anything"
    assert done["missing_controls"] == ["full", "random", "length-matched"]
    assert list_trained(home) == {"sensibility", "rationality", "union"}
    assert not list((home / "cache" / "evaluation").iterdir())
