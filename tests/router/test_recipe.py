"""What makes two mixtures the same artifact."""

from typing import Any

import pytest

from tasks.config import ExpertConfig, RouterConfig
from tasks.experts import Base
from tasks.router import mixture_recipe
from tasks.schema import ArtifactRef

BASE = Base("tiny-llama", "/somewhere", "", "1" * 32)


def make_ref(kind: str, sha256: str) -> ArtifactRef:
    return ArtifactRef(kind=kind, uri=f"/{kind}", sha256=sha256 * 64, n_rows=1, config_digest=sha256 * 32)


def digest(**changes: Any) -> str:
    experts = {"sensibility": make_ref("expert", "a"), "rationality": make_ref("expert", "b")}
    inputs = {
        "subsets": make_ref("subsets", "c"),
        "experts": experts,
        "base": BASE,
        "config": RouterConfig(),
        "expert_config": ExpertConfig(),
        "n_steps": 8,
        "rows": {"rows": "r", "shown": "s"},
    }
    return mixture_recipe(**{**inputs, **changes}).digest


@pytest.mark.parametrize(
    "changes",
    [
        {"config": RouterConfig(epochs=3, max_steps=8)},
        {"expert_config": ExpertConfig(epochs=3, learning_rate=0.1, lora_r=4)},
        {"base": Base("another-name", "/elsewhere", "main", "1" * 32)},
        {"subsets": make_ref("subsets", "d")},
    ],
)
def test_what_changes_nothing_of_the_mixture_makes_no_other(changes: dict[str, Any]) -> None:
    assert digest() == digest(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": {"rows": "other", "shown": "s"}},
        {"rows": {"rows": "r", "shown": "other"}},
        {"experts": {"sensibility": make_ref("expert", "b"), "rationality": make_ref("expert", "a")}},
        {"base": Base("tiny-llama", "/somewhere", "", "2" * 32)},
        {"config": RouterConfig(routing="linear")},
        {"config": RouterConfig(train="router")},
        {"config": RouterConfig(learning_rate=0.5)},
        {"expert_config": ExpertConfig(batch_size=3)},
        {"expert_config": ExpertConfig(n_evaluations=3, keep="best")},
        {"expert_config": ExpertConfig(prompt_format="released")},
        {"n_steps": 9},
    ],
)
def test_what_changes_the_mixture_makes_another(changes: dict[str, Any]) -> None:
    assert digest() != digest(**changes)
