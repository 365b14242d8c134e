"""What the router stage trains, and at which rate: gates, experts, or the released code's accidental choice."""

from pathlib import Path
from typing import Any

import pytest

from tasks.config import ExpertConfig, RouterConfig

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

from tasks.experts import Runtime, collate, load_base, order_rows, to_training_rows  # noqa: E402 - after the skip
from tasks.router import compose_mixture, load_mixture, train_mixture  # noqa: E402 - likewise
from tasks.router.routed_mlp import LoraStack, Router  # noqa: E402 - likewise
from tasks.router.trainer import MixtureTrainer, choose_trainable, list_trainable  # noqa: E402 - likewise
from tasks.router.training import make_arguments  # noqa: E402 - likewise

EXPERT = ExpertConfig(base_model="tiny-llama", batch_size=4, max_length=128, too_long="cut")
ADAPTER = "adapter_model.safetensors"


def compose(base: Any, experts: dict[str, Path], routing: str = "block", dtype: Any = torch.float32) -> Any:
    model, tokenizer = load_base(base, "cpu")
    return compose_mixture(model.to(dtype), experts, routing, init_std=0.02, seed=0), tokenizer


def list_trained(model: Any) -> set[str]:
    return {name for name, value in model.named_parameters() if value.requires_grad}


@pytest.mark.parametrize(
    ("routing", "stacks", "gates"),
    [
        ("block", ["mlp.experts.gate_proj"], ["mlp.router"]),
        ("linear", ["mlp.gate_proj.experts"], [f"mlp.{name}_proj.router" for name in ("gate", "up", "down")]),
    ],
)
def test_released_trains_gates_and_gate_proj_of_the_experts_and_nothing_else(
    routing: str, stacks: list[str], gates: list[str], base: Any, trained_experts: Any
) -> None:
    model, _ = compose(base, trained_experts, routing)
    choose_trainable(model, "released", 0.1)
    wanted = [f"{gate}.weight" for gate in gates] + [f"{stack}.lora_{half}" for stack in stacks for half in "AB"]
    assert {f"model.layers.{layer}.{name}" for layer in (0, 1) for name in wanted} == list_trained(model)
    dropped = {path for path, module in model.named_modules() if isinstance(module, LoraStack) and module.dropout}
    assert {f"model.layers.{layer}.{stack}" for layer in (0, 1) for stack in stacks} == dropped


def test_a_released_run_leaves_every_other_adapter_as_it_was(
    base: Any, trained_experts: Any, rows: Any, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    config = RouterConfig(train="released", routing="linear", expert_learning_rate=1e-3)
    train_mixture(base, trained_experts, rows, config, EXPERT, tmp_path, n_steps=2, runtime=Runtime("cpu"))
    for name, folder in trained_experts.items():
        before, after = load_file(folder / ADAPTER), load_file(tmp_path / "experts" / name / ADAPTER)
        moved = {key for key in before if not torch.equal(before[key], after[key])}
        assert {key for key in before if ".mlp.gate_proj." in key} == moved
    load_mixture(tmp_path, base, "cpu")


def make_trainer(model: Any, tokenizer: Any, rows: Any, folder: Path) -> MixtureTrainer:
    config = RouterConfig(learning_rate=1e-2, expert_learning_rate=1e-3)
    ordered = order_rows(to_training_rows(rows, tokenizer, "chat", 128).frame, 2, 4, 0)
    return MixtureTrainer(
        model=model,
        args=make_arguments(config, EXPERT, len(ordered) // 4, "cpu", str(folder), Runtime()),
        train_dataset=ordered.select("input_ids", "labels").to_dicts(),
        data_collator=lambda batch: collate(batch, tokenizer.pad_token_id),
        expert_learning_rate=config.expert_learning_rate,
    )


@pytest.mark.parametrize(("train", "rates"), [("router", {1e-2}), ("router+experts", {1e-2, 1e-3}),
                                              ("released", {1e-2, 1e-3})])  # fmt: skip
def test_gates_and_experts_have_a_learning_rate_each(
    train: str, rates: set[float], base: Any, trained_experts: Any, rows: Any, tmp_path: Path
) -> None:
    model, tokenizer = compose(base, trained_experts)
    choose_trainable(model, train, 0.1)
    groups = make_trainer(model, tokenizer, rows, tmp_path).create_optimizer().param_groups
    found = {id(value): group["lr"] for group in groups for value in group["params"]}

    assert rates == set(found.values())
    assert {id(value) for value in model.parameters() if value.requires_grad} == found.keys()
    assert {1e-2} == {found[id(value)] for value in list_trainable(model, Router)}


@pytest.mark.parametrize("routing", ["block", "linear"])
def test_under_a_bfloat16_base_gates_are_float32_and_training_moves_them(
    routing: str, base: Any, trained_experts: Any, rows: Any, tmp_path: Path
) -> None:
    model, tokenizer = compose(base, trained_experts, routing, torch.bfloat16)
    choose_trainable(model, "router", 0.0)
    seen: set[Any] = set()
    for module in model.modules():
        if isinstance(module, Router):
            module.register_forward_hook(lambda _router, _inputs, gates: seen.add(gates.dtype))
    before = [value.detach().clone() for value in list_trainable(model, Router)]
    make_trainer(model, tokenizer, rows, tmp_path).train()
    after = list_trainable(model, Router)

    assert {torch.float32} == seen | {value.dtype for value in after}
    assert torch.bfloat16 == model(input_ids=torch.arange(5, 25)[None]).logits.dtype
    assert {torch.bfloat16} == {value.dtype for value in model.parameters() if not value.requires_grad} - {
        torch.float32  # the adapters
    }
    for old, new in zip(before, after, strict=True):
        assert not torch.equal(old, new)
        assert not torch.equal(new, new.to(torch.bfloat16).float())  # steps that bfloat16 could not hold
