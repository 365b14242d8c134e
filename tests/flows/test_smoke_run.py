"""The whole method with the smoke profile: every stage is the real one, only the model is tiny."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Empathy = Callable[..., CompletedProcess[str]]
pytestmark = pytest.mark.train


def list_made(home: Path) -> dict[str, float]:
    """Return when every artifact of a home was written."""
    manifests = (home / "artifacts").glob("*/*/manifest.json")
    return {str(path.parent.relative_to(home)): path.stat().st_mtime for path in manifests}


def test_the_method_runs_from_dialogues_to_report_and_a_second_run_makes_nothing(
    empathy: Empathy, environment: dict[str, str]
) -> None:
    home = Path(environment["EMPATHY_HOME"])
    first = json.loads(empathy("run", "sample", "--profile", "smoke", "--json").stdout)
    made = list_made(home)
    systems = {row["system"] for row in first["metrics"]}
    assert {"base", "sensibility", "rationality", "mixture", "union", "full", "random", "length-matched"} <= systems
    assert Path(first["report"]).stat().st_size > 10_000
    assert sum(first["subsets"]["shares"].values()) == pytest.approx(1, abs=1e-5)

    second = json.loads(empathy("run", "sample", "--profile", "smoke", "--json").stdout)
    assert list_made(home) == made
    assert second == first

    empathy("select", "--threshold", "6", "--json")
    new = {name.split("/")[1] for name in list_made(home).keys() - made.keys()}
    assert new == {"subsets"}

    shown = json.loads(empathy("lineage", first["artifacts"]["mixture"]["config_digest"], "--json").stdout)
    assert {parent["kind"] for parent in shown["parents"]} == {"subsets", "expert"}
    assert "report.html" in empathy("report").stdout
