"""What `deployments/prefect.yaml` gives to flows is what the flows take."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.flows import Flow

from flows.deploying.applied import TAG
from flows.deploying.deployments import AUTO_RETRAIN, flow_name, read_names
from flows.notifying import notify_failure
from tasks.config import JudgeConfig, ScoringConfig, load_profile

FILE = Path(__file__).resolve().parents[2] / "deployments" / "prefect.yaml"
ENTRIES = yaml.safe_load(FILE.read_text(encoding="utf-8"))["deployments"]
DEPLOYMENTS = {f"{flow_name(entry['entrypoint'])}/{entry['name']}": entry for entry in ENTRIES}
SUBMITTED = "score-shard/worker"
"""What only runs submit, with all that it needs: nobody fills in its form."""


def find_flow(name: str) -> Flow[Any, Any]:
    module, _, function = DEPLOYMENTS[name]["entrypoint"].rpartition(".")
    return getattr(import_module(module), function)


def find_parameters(name: str) -> dict[str, Any]:
    return find_flow(name).validate_parameters(DEPLOYMENTS[name].get("parameters", {}))


def test_every_use_has_its_deployment() -> None:
    assert list(DEPLOYMENTS) == read_names(FILE)
    assert len(DEPLOYMENTS) == len(ENTRIES) == 12
    assert set(DEPLOYMENTS) >= {
        "score-dialogues/nightly", "judge-regression/weekly", "select-subsets/on-demand", "select-subsets/nightly",
        "sweep-thresholds/on-demand", "train-experts/gpu", "train-router/gpu", "evaluate-models/gpu",
        SUBMITTED, "efficient-empathy/full", "efficient-empathy/smoke",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(DEPLOYMENTS.keys() - {SUBMITTED}))
def test_the_parameters_of_a_deployment_are_those_of_its_flow(name: str) -> None:
    given = DEPLOYMENTS[name].get("parameters", {})
    found = find_parameters(name)
    assert given.keys() <= found.keys()
    for key, values in given.items():
        assert is_within(values, found[key].model_dump(mode="json"))


def is_within(part: Any, whole: Any) -> bool:
    """Say whether every value of nested groups is in the other."""
    if isinstance(part, dict):
        return all(key in whole and is_within(value, whole[key]) for key, value in part.items())
    return part == whole


@pytest.mark.parametrize("name", sorted(DEPLOYMENTS.keys() - {SUBMITTED}))
def test_a_deployment_needs_nothing_from_the_form_and_says_what_it_is(name: str) -> None:
    entry, flow = DEPLOYMENTS[name], find_flow(name)
    assert flow.name == name.split("/")[0]
    assert not flow.parameters.required
    assert TAG in entry["tags"]
    assert entry["description"].endswith(".")
    assert "EMPATHY_VERSION" in entry["version"]
    assert entry["work_pool"]["name"] in ("cpu", "gpu")
    assert entry["concurrency_limit"]["limit"] == 1


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployed_flow_tells_of_its_failures_and_crashes(name: str) -> None:
    flow = find_flow(name)
    assert notify_failure in flow.on_failure_hooks
    assert notify_failure in flow.on_crashed_hooks


def test_every_schedule_has_a_time_zone_a_name_and_a_reason() -> None:
    schedules = [one for entry in ENTRIES for one in entry.get("schedules", [])]
    explained = re.findall(r"^ +schedules:\n(?: +#.*\.\n)+ +- cron:", FILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(explained) == len(schedules) == 4
    assert all(one["timezone"] and one["slug"] for one in schedules)
    assert len({one["cron"] for one in schedules}) == len(schedules)


def test_only_training_by_itself_is_off_until_somebody_wants_it() -> None:
    off = [one["slug"] for entry in ENTRIES for one in entry.get("schedules", []) if not one.get("active", True)]
    assert len(off) == 1
    assert off[0].startswith(AUTO_RETRAIN)


def test_the_night_is_guarded_and_both_schedules_ask_the_same_judge() -> None:
    nightly, weekly = find_parameters("score-dialogues/nightly"), find_parameters("judge-regression/weekly")
    assert nightly["scoring"] == ScoringConfig(drift_gate=True)
    assert nightly["judge"] == weekly["judge"] == JudgeConfig()


def test_the_smoke_deployment_is_the_smoke_profile_in_a_home_of_its_own() -> None:
    assert find_parameters("efficient-empathy/smoke")["config"] == load_profile("smoke")
    environment = DEPLOYMENTS["efficient-empathy/smoke"]["work_pool"]["job_variables"]["env"]
    assert environment == {"EMPATHY_HOME": "~/.efficient-empathy-smoke", "EMPATHY_ARTIFACTS": ""}
