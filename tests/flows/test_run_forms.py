"""What Prefect's run form is made from: every field of every deployment says what it is, and its bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.utilities.schema_tools.validation import is_valid, validate

from tasks.bounded import fit_form, say_bounds
from tasks.config import ExperimentConfig, SelectionConfig, SweepConfig

FILE = Path(__file__).resolve().parents[2] / "deployments" / "prefect.yaml"
SUBMITTED = "flows.score_shard.score_shard"
"""What only runs submit: nobody fills in its form."""
FOUND = {entry["entrypoint"] for entry in yaml.safe_load(FILE.read_text(encoding="utf-8"))["deployments"]}
ENTRYPOINTS = sorted(FOUND - {SUBMITTED})
SHORTEST_HELP = 10


def read_schema(entrypoint: str) -> dict[str, Any]:
    """Return the schema that a deployment stores, that the form is drawn from and that its API checks with."""
    module, _, function = entrypoint.rpartition(".")
    return getattr(import_module(module), function).parameters.model_dump()


def list_fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every parameter and every field of its groups, by a name with its group's."""
    yield from schema["properties"].items()
    for group, definition in schema["definitions"].items():
        for name, field in definition.get("properties", {}).items():
            yield f"{group}.{name}", field


def list_kinds(field: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the types that a field may have, those of its items too."""
    for kind in field.get("anyOf", [field]):
        items = kind.get("items", {})
        yield from list_kinds(items) if isinstance(items, dict) and items.get("type") else ()
        yield kind


def is_bounded(kind: dict[str, Any]) -> bool:
    low, high = kind.keys() & {"minimum", "exclusiveMinimum"}, kind.keys() & {"maximum", "exclusiveMaximum"}
    if kind.get("type") in ("number", "integer"):
        return bool(low and high)
    if kind.get("type") == "string":
        return bool(kind.keys() & {"enum", "const", "maxLength", "pattern"})
    return True


@pytest.mark.parametrize("entrypoint", ENTRYPOINTS)
def test_every_field_of_a_form_has_a_title_a_help_line_and_bounds(entrypoint: str) -> None:
    schema = read_schema(entrypoint)
    fields = dict(list_fields(schema))
    assert len(fields) >= len(schema["properties"]) + 1
    wrong = []
    for name, field in fields.items():
        title, said = field.get("title", ""), field.get("description", "")
        if not title or ("." in name and not (title[:1].isupper() and "_" not in title)):
            wrong.append(f"{name}: its title is {title!r}")
        if len(said) < SHORTEST_HELP or not said.endswith("."):
            wrong.append(f"{name}: its help is {said!r}")
        wrong += [f"{name}: no bounds in {kind}" for kind in list_kinds(field) if not is_bounded(kind)]
    assert wrong == []


@pytest.mark.parametrize("entrypoint", ENTRYPOINTS)
def test_what_may_be_left_empty_is_a_box_and_not_a_pair_of_tabs(entrypoint: str) -> None:
    schema = read_schema(entrypoint)
    groups = {name: field for name, field in list_fields(schema) if "." in name}
    tabs = [name for name, field in groups.items() if len(field.get("anyOf", ())) > 1]
    assert set(tabs) <= {"EvaluationConfig.judge", "EvaluationConfig.pairwise"}, "only whole groups may be nothing"


@pytest.mark.parametrize(
    ("entrypoint", "parameters"),
    [
        ("flows.select_subsets.select_subsets", {"selection": SelectionConfig()}),
        ("flows.select_subsets.select_subsets", {"selection": SelectionConfig(rule="top-k", top_k=5)}),
        ("flows.sweep_thresholds.sweep_thresholds", {"sweep": SweepConfig()}),
        ("flows.efficient_empathy.efficient_empathy", {"config": ExperimentConfig()}),
    ],
)
def test_a_form_is_sent_with_its_empty_boxes(entrypoint: str, parameters: dict[str, Any]) -> None:
    sent = {name: value.model_dump(mode="json") for name, value in parameters.items()}
    assert "None" in repr(sent) or "sweep" in sent
    assert validate(sent, read_schema(entrypoint)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("sensibility_threshold", 11), ("sensibility_threshold", -1), ("sensibility_threshold", None), ("keep", 2),
     ("axis", "both"), ("top_k", 0), ("top_k", 1.5), ("keep", float("nan")), ("split", None), ("unknown", 1)],
)  # fmt: skip
def test_a_wrong_value_is_refused_by_its_field(field: str, value: object) -> None:
    schema = read_schema("flows.select_subsets.select_subsets")
    sent = {**SelectionConfig().model_dump(mode="json"), field: value}
    said = validate({"selection": sent}, schema)
    assert said
    assert all(field in one.json_path + one.message for one in said)


def test_a_number_that_may_be_left_out_is_none_without_bounds_of_its_own() -> None:
    schema = read_schema("flows.select_subsets.select_subsets")
    assert is_valid({"selection": {"keep": None}}, schema)
    assert is_valid({"selection": {"axis": None}}, schema)
    assert not is_valid({"selection": {"keep": "0.5"}}, schema)


def test_thresholds_stand_before_what_few_people_set() -> None:
    names = list(read_schema("flows.select_subsets.select_subsets")["definitions"]["SelectionConfig"]["properties"])
    assert names[:5] == ["rule", "sensibility_threshold", "rationality_threshold", "split", "judge_id"]
    groups = [re.match(r"Filter|Quota", field.title or "") for field in SelectionConfig.model_fields.values()]
    said = [found[0] for found in groups if found]
    assert said == sorted(said), "filters stand together, and quotas after them"
    assert len(said) == 8


@pytest.mark.parametrize(
    ("bounds", "said"),
    [({"minimum": 0, "maximum": 10}, "At least 0, at most 10."), ({"exclusiveMinimum": 0, "maximum": 1e12}, "Above 0."),
     ({"minimum": 1, "maximum": 100_000}, "At least 1, at most 100,000."), ({"exclusiveMaximum": 0.5}, "Below 0.5."),
     ({"maximum": 2**32 - 1}, ""), ({"type": "string"}, "")],
)  # fmt: skip
def test_bounds_are_told_in_the_help_line(bounds: dict[str, Any], said: str) -> None:
    assert say_bounds(bounds) == said
    group = {"properties": {"field": {"description": "A number.", **bounds}}}
    fit_form(group)
    assert group["properties"]["field"]["description"] == f"A number. {said}".strip()
