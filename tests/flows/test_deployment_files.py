"""The files of `deployments/` beside prefect.yaml: work pools and their job templates, automations."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema
import pytest
from prefect.events import Resource
from prefect.utilities.templating import apply_values

from flows.deploying.automations import build_automation, read_automations
from flows.deploying.deployments import read_names
from flows.deploying.pools import MARK, read_pools, read_template
from flows.deploying.version import find_version
from tasks.home import Home

FOLDER = Path(__file__).resolve().parents[2] / "deployments"
TYPES = ("docker", "kubernetes")
AUTOMATIONS = {said["name"]: said for said in read_automations(FOLDER / "automations")}


def find_placeholders(template: Any) -> set[str]:
    return set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(template)))


def read_published(kind: str) -> dict[str, Any]:
    """Return the default job template of a worker type, as the installed Prefect publishes it."""
    file = resources.files("prefect") / "server/api/collections_data/views/aggregate-worker-metadata.json"
    return json.loads(file.read_text(encoding="utf-8"))[f"prefect-{kind}"][kind]["default_base_job_configuration"]


def fill(kind: str, pool: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the job that a worker makes of a pool's template."""
    template = read_pools(FOLDER / "pools", kind)[pool].base_job_template  # type: ignore[arg-type]
    properties = template["variables"]["properties"]
    defaults = {name: said["default"] for name, said in properties.items() if "default" in said}
    return apply_values(template["job_configuration"], {**defaults, **(values or {})}, remove_notset=True)


@pytest.mark.parametrize("kind", ["process", *TYPES])
def test_there_are_two_pools_and_one_training_at_a_time(kind: str) -> None:
    pools = read_pools(FOLDER / "pools", kind)  # type: ignore[arg-type]
    assert {name: pool.concurrency_limit for name, pool in pools.items()} == {"cpu": None, "gpu": 1}
    assert all(pool.type == kind and (pool.description or "").endswith(MARK) for pool in pools.values())


@pytest.mark.parametrize("kind", TYPES)
def test_every_variable_of_a_template_is_described_and_used(kind: str) -> None:
    template = read_template(FOLDER / "pools", kind, {})  # type: ignore[arg-type]
    jsonschema.Draft202012Validator.check_schema(template["variables"])
    properties = template["variables"]["properties"]
    assert find_placeholders(template["job_configuration"]) == properties.keys()
    assert all(said["title"] and said["description"] for said in properties.values())


@pytest.mark.parametrize("pool", ["cpu", "gpu"])
@pytest.mark.parametrize("kind", TYPES)
def test_the_defaults_of_a_pool_are_what_its_variables_allow(kind: str, pool: str) -> None:
    variables = read_pools(FOLDER / "pools", kind)[pool].base_job_template["variables"]  # type: ignore[arg-type]
    defaults = {name: said["default"] for name, said in variables["properties"].items() if "default" in said}
    assert defaults["image"] == f"efficient-empathy:{pool}"
    jsonschema.Draft202012Validator({**variables, "additionalProperties": False}).validate(defaults)


@pytest.mark.parametrize("kind", TYPES)
def test_a_template_has_all_that_the_published_one_has(kind: str) -> None:
    ours, published = read_template(FOLDER / "pools", kind, {}), read_published(kind)  # type: ignore[arg-type]
    assert published["variables"]["properties"].keys() < ours["variables"]["properties"].keys()
    assert published["job_configuration"].keys() <= ours["job_configuration"].keys()
    assert find_placeholders(published) < find_placeholders(ours)


def test_a_job_of_the_gpu_pool_asks_for_a_gpu_and_one_of_the_cpu_pool_does_not() -> None:
    limits = {}
    for pool in ("cpu", "gpu"):
        (container,) = fill("kubernetes", pool)["job_manifest"]["spec"]["template"]["spec"]["containers"]
        limits[pool] = container["resources"].get("limits", {})
    assert "nvidia.com/gpu" not in limits["cpu"]
    assert limits["gpu"]["nvidia.com/gpu"] == 1
    of_docker = {pool: fill("docker", pool)["container_create_kwargs"]["device_requests"] for pool in ("cpu", "gpu")}
    assert of_docker["cpu"] == []
    assert of_docker["gpu"] == [{"driver": "nvidia", "count": -1, "capabilities": [["gpu"]]}]


def test_a_deployment_may_ask_for_more_gpus() -> None:
    (container,) = fill("kubernetes", "gpu", {"gpus": 2})["job_manifest"]["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 2


@pytest.mark.parametrize("name", AUTOMATIONS)
def test_an_automation_starts_a_deployment_that_there_is(name: str) -> None:
    known = {deployment: uuid4() for deployment in read_names(FOLDER / "prefect.yaml")}
    said = AUTOMATIONS[name]
    automation = build_automation(said, known, "s1")
    assert automation.tags == ["empathy"]
    assert automation.description.endswith(".")
    assert [action.deployment_id for action in automation.actions] == [known[said["actions"][0]["deployment"]]]


def test_selection_follows_scores_and_training_waits_to_be_wanted() -> None:
    triggers = {
        name: (said["trigger"]["expect"], said["enabled"], said.get("switch")) for name, said in AUTOMATIONS.items()
    }
    assert triggers == {
        "empathy-select-on-scores": (["empathy.scores.updated"], True, None),
        "empathy-retrain-on-subsets": (["empathy.subsets.changed"], False, "auto_retrain"),
    }


@pytest.mark.parametrize("name", AUTOMATIONS)
def test_an_automation_hears_of_its_own_store_only(
    name: str, tmp_path: Path, make_home: Callable[[Path], Home]
) -> None:
    ours, theirs = make_home(tmp_path / "ours"), make_home(tmp_path / "theirs")
    known = {deployment: uuid4() for deployment in read_names(FOLDER / "prefect.yaml")}
    trigger = build_automation(AUTOMATIONS[name], known, ours.store_id).trigger
    about = AUTOMATIONS[name]["trigger"]["match"]["prefect.resource.id"].replace("*", "1")
    own, other = (Resource.model_validate(home.describe_resource(about, split="train")) for home in (ours, theirs))
    assert trigger.match.matches(own)
    assert not trigger.match.matches(other)


def test_outside_of_git_the_version_is_the_packages(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    assert find_version(tmp_path / "deep") == "0.1.0"
    (tmp_path / ".git").mkdir()  # no clone, though it looks like one
    assert find_version(tmp_path) == "0.1.0"


def test_the_version_of_a_clone_is_its_commit() -> None:
    assert re.fullmatch(r"[\w.-]*[0-9a-f]{7,}(-dirty)?|v?[\d.]+(-dirty)?", find_version(FOLDER.parent))
