"""Which models a report shows beside subsets: those that learned from rows which these subsets hold, and no others."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.experts import digest_rows
from tasks.home import Home
from tasks.manifest import Recipe
from tasks.reporting.belonging import is_of_subsets
from tasks.router import digest_router_rows
from tasks.schema import ArtifactRef
from tests.experts.conftest import build_rows

OWN, RATIONAL, OTHER = build_rows(6), build_rows(4, "rationality", 6), build_rows(5, "rationality", 20)
NONE = build_rows(0)


@pytest.fixture
def make(home: Home) -> Callable[..., ArtifactRef]:
    """Make an artifact of a kind from a config, parents and files."""

    def run(kind: str, config: Mapping[str, Any], *parents: ArtifactRef, rows: str = "", **files: pl.DataFrame) -> Any:
        def build(folder: Path) -> dict[str, int]:
            (folder / "who.json").write_text(json.dumps([config, rows]), encoding="utf-8")  # so that contents differ
            for name, frame in files.items():
                frame.write_parquet(folder / f"{name}.parquet")
            return {"n_rows": 1}

        return home.artifacts.produce(Recipe(kind, 1, config, parents, {"rows": rows}), build)

    return run


@pytest.fixture
def chosen(make: Callable[..., ArtifactRef]) -> ArtifactRef:
    return make("subsets", {"t": 4.5}, sensibility=OWN, rationality=RATIONAL, discard=NONE)


@pytest.fixture
def expert(make: Callable[..., ArtifactRef]) -> Callable[[str, pl.DataFrame], ArtifactRef]:
    """An expert of a name that learned from rows."""
    return lambda name, rows: make("expert", {"name": name, "expert": {"seed": 0}}, rows=digest_rows(rows))


def test_an_expert_of_the_same_rows_is_shown_whatever_subsets_it_was_trained_on(home, chosen, expert):
    assert is_of_subsets(home, expert("sensibility", OWN.reverse()), chosen)
    assert not is_of_subsets(home, expert("rationality", OTHER), chosen)


def test_a_mixture_is_shown_with_its_rows_and_both_experts_only(home, chosen, expert, make):
    config = {"router": {"data": "union"}}
    rows = digest_router_rows(pl.concat([OWN, RATIONAL]))
    right, wrong = expert("rationality", RATIONAL), expert("rationality", OTHER)
    assert is_of_subsets(home, make("mixture", config, expert("sensibility", OWN), right, rows=rows), chosen)
    assert not is_of_subsets(home, make("mixture", config, expert("sensibility", OWN), wrong, rows=rows), chosen)
    assert not is_of_subsets(home, make("mixture", config, expert("sensibility", OWN), right, rows="x"), chosen)


def test_an_evaluation_is_shown_if_all_its_models_are(home, chosen, expert, make):
    own, other = expert("sensibility", OWN), expert("rationality", OTHER)
    said = {name: make("responses", {"system": name}, *models) for name, models in
            {"base": [], "sensibility": [own], "rationality": [other]}.items()}  # fmt: skip
    assert is_of_subsets(home, make("evaluation", {"n": 1}, said["base"], said["sensibility"]), chosen)
    assert not is_of_subsets(home, make("evaluation", {"n": 2}, *said.values()), chosen)
    assert not is_of_subsets(home, make("evaluation", {"n": 3}, said["base"]), chosen)


def test_a_model_of_a_subset_that_is_empty_now_is_not_shown(home, expert, make):
    empty = make("subsets", {"t": 9}, sensibility=OWN, rationality=NONE, discard=RATIONAL)
    assert not is_of_subsets(home, expert("rationality", RATIONAL), empty)
