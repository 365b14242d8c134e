"""What `deployments/prefect.yaml` gives to flows is what the flows take."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.config import JudgeConfig, ScoringConfig

FILE = Path(__file__).resolve().parents[2] / "deployments" / "prefect.yaml"
DEPLOYMENTS = {entry["name"]: entry for entry in yaml.safe_load(FILE.read_text(encoding="utf-8"))["deployments"]}


def test_there_are_four_deployments() -> None:
    assert set(DEPLOYMENTS) == {"nightly", "weekly", "on-demand", "retrain"}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_parameters_of_a_deployment_are_those_of_its_flow(name: str) -> None:
    given = DEPLOYMENTS[name].get("parameters", {})
    found = find_parameters(name)
    assert given.keys() <= found.keys()
    for key, values in given.items():
        assert found[key].model_dump(mode="json").items() >= values.items()


def find_parameters(name: str) -> dict[str, Any]:
    module, _, function = DEPLOYMENTS[name]["entrypoint"].rpartition(".")
    flow = getattr(import_module(module), function)
    return flow.validate_parameters(DEPLOYMENTS[name].get("parameters", {}))


def test_the_night_is_guarded_and_both_schedules_ask_the_same_judge() -> None:
    nightly, weekly = find_parameters("nightly"), find_parameters("weekly")
    assert nightly["scoring"] == ScoringConfig(drift_gate=True)
    assert nightly["judge"] == weekly["judge"] == JudgeConfig()
