"""The model card of a mixture: its experts, its gates, and the plain word where it has not learnt to route."""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.experts import Ancestor, Base
from tasks.router import write_mixture_card
from tasks.schema import ArtifactRef

BASE = Base("gemma-3-270m", "/cache/gemma", "", "d" * 32)
ROUTER = {"train": "router", "routing": "block", "learning_rate": 0.01, "epochs": 1.0}
NOT_LEARNT = "The mixture has not learnt to route"


def make_gates(distance: float, gate: float = 0.52) -> list[dict[str, Any]]:
    gates = {"sensibility": gate, "rationality": 1 - gate}
    layer = {"gates": gates, "entropy_share": 0.9, "distance": distance}
    return [{"layer": f"model.layers.{number}.mlp", **layer} for number in range(2)]


def write(folder: Path, **gates: Any) -> str:
    config = {"router": ROUTER, "expert": {"base_model": "/home/somebody/base", "batch_size": 4, "seed": 1}}
    record = {"n_rows": 30, "n_steps": 300, "last_loss": 2.5, "versions": {"torch": "2"}, "config": config, **gates}
    (folder / "training.json").write_text(json.dumps(record))
    subsets = ArtifactRef(kind="subsets", uri="/home/s", sha256="b" * 64, n_rows=1, config_digest="b" * 32)
    expert = ArtifactRef(kind="expert", uri="/home/e", sha256="e" * 64, n_rows=1, config_digest="e" * 32)
    made_from = {"config": {"name": "rationality"}, "parents": [subsets.model_dump()]}
    write_mixture_card(folder, BASE, [Ancestor(subsets), Ancestor(expert, made_from)])
    return (folder / "README.md").read_text(encoding="utf-8")


def test_it_names_base_experts_config_and_gates(tmp_path: Path) -> None:
    card = write(tmp_path, gates=make_gates(0.2), gates_by_subset={"sensibility": make_gates(0.2, 0.61)})
    said = (
        "ai.google.dev/gemma/terms",
        f"| expert rationality | `expert/{'e' * 32}`, sha256 `{'e' * 64}`, first trained on",
        '| routing | `"block"` |', "| batch_size | `4` |", "0.520 over all layers", "entropy 0.900 of ln 2",
        "0.610 on sensibility turns",
    )  # fmt: skip
    assert [text for text in said if text not in card] == []
    assert NOT_LEARNT not in card
    assert "/home" not in card
    assert "Steps of its last training" not in card


@pytest.mark.parametrize(("distance", "is_told"), [(0.049, True), (0.05, False)])
def test_a_mixture_that_has_not_learnt_to_route_says_so_plainly(tmp_path: Path, distance: float, is_told: bool) -> None:
    assert (NOT_LEARNT in write(tmp_path, gates=make_gates(distance))) == is_told


def test_a_record_without_gates_says_nothing_of_them(tmp_path: Path) -> None:
    card = write(tmp_path)
    assert "gate of the sensibility expert" not in card
    assert NOT_LEARNT not in card
