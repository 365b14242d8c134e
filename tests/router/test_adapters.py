"""Adapters that cannot be mixed exactly are refused by name, and so are bases that they do not fit."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import ArtifactError, ConfigError

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

from tasks.router import compose_mixture  # noqa: E402 - after the skip
from tasks.router.adapters import read_adapter, write_adapter  # noqa: E402 - likewise

MLP_LINEARS = ["gate_proj", "up_proj", "down_proj"]


def test_an_adapter_is_written_as_it_was_read(make_expert: Callable[..., Path], tmp_path: Path) -> None:
    adapter = read_adapter(make_expert("sensibility"))
    write_adapter(adapter, tmp_path / "again")
    again = read_adapter(tmp_path / "again")
    assert adapter.config == again.config
    assert adapter.weights.keys() == again.weights.keys()
    for path, update in adapter.weights.items():
        assert all(torch.equal(one, other) for one, other in zip(update, again.weights[path], strict=True))


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"use_dora": True}, "use_dora=True"),
        ({"bias": "all"}, "bias='all'"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save="),
        ({"alpha_pattern": {"up_proj": 3}}, "alpha_pattern="),
        ({"trainable_token_indices": [1]}, "trainable_token_indices="),
    ],
)
def test_an_adapter_that_is_more_than_lora_is_refused_by_the_field(
    options: dict[str, Any], field: str, make_expert: Callable[..., Path]
) -> None:
    with pytest.raises(ConfigError, match=field):
        read_adapter(make_expert("sensibility", MLP_LINEARS, **options))


@pytest.mark.parametrize(
    ("field", "value"), [("peft_type", "IA3"), ("init_lora_weights", "pissa"), ("a_new_variant", {"x": 1})]
)
def test_a_config_that_we_do_not_know_is_refused(field: str, value: Any, make_expert: Callable[..., Path]) -> None:
    folder = make_expert("sensibility", MLP_LINEARS)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, field: value}))
    with pytest.raises(ConfigError, match=field):
        read_adapter(folder)


def test_a_folder_without_a_readable_adapter_is_refused(make_expert: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no readable adapter"):
        read_adapter(tmp_path)
    folder = make_expert("sensibility", MLP_LINEARS)
    (folder / "adapter_model.safetensors").write_bytes(b"not tensors")
    with pytest.raises(ArtifactError, match="no readable adapter"):
        read_adapter(folder)


def test_experts_that_adapt_no_mlp_leave_nothing_to_route(
    build_base: Callable[..., Any], make_experts: Callable[..., dict[str, Path]]
) -> None:
    with pytest.raises(ConfigError, match="nothing to route"):
        compose_mixture(build_base(), make_experts(["q_proj"]), "block", init_std=0.0, seed=0)


def test_one_expert_is_no_mixture(build_base: Callable[..., Any], make_expert: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match="at least two"):
        compose_mixture(build_base(), {"sensibility": make_expert("sensibility")}, "block", init_std=0.0, seed=0)


def test_an_expert_of_another_shape_or_place_does_not_fit(
    build_base: Callable[..., Any], make_experts: Callable[..., dict[str, Path]], tmp_path: Path
) -> None:
    base, folders = build_base(), make_experts(MLP_LINEARS)
    base.model.layers[0].mlp.gate_proj = torch.nn.Linear(9, 9)
    with pytest.raises(ConfigError, match="does not fit this base"):
        compose_mixture(base, folders, "block", init_std=0.0, seed=0)
    for path, reason in (("lm_head", "only attention and an MLP"), ("model.nowhere", "no linear layer there")):
        adapter = read_adapter(folders["sensibility"])
        write_adapter(replace(adapter, weights={path: next(iter(adapter.weights.values()))}), tmp_path / path)
        with pytest.raises(ConfigError, match=reason):
            compose_mixture(build_base(), {**folders, "odd": tmp_path / path}, "block", init_std=0.0, seed=0)


def test_a_block_that_computes_more_than_a_gated_mlp_is_routed_by_its_linears_only(
    build_base: Callable[..., Any], make_experts: Callable[..., dict[str, Path]], tokens: Any
) -> None:
    class Clamped(type(build_base().model.layers[0].mlp)):
        def forward(self, x: Any) -> Any:
            return super().forward(x).clamp(-0.1, 0.1)

    def build() -> Any:
        base = build_base()
        base.model.layers[1].mlp.__class__ = Clamped
        return base

    with pytest.raises(ConfigError, match="Clamped is not a plain gated MLP"):
        compose_mixture(build(), make_experts(), "block", init_std=0.0, seed=0)
    mixture = compose_mixture(build(), make_experts(), "linear", init_std=0.0, seed=0)
    assert torch.isfinite(mixture(input_ids=tokens).logits).all()
