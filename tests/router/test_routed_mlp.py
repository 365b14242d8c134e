"""The mixture in LoRA space is exactly the dense mixture of merged experts that the paper describes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")

from tasks.router import compose_mixture  # noqa: E402 - after the skip
from tasks.router.routed_mlp import Router  # noqa: E402 - likewise
from tests.router.references import build_twin, get_logits, merge  # noqa: E402 - likewise

MLP_LINEARS = ["gate_proj", "up_proj", "down_proj"]


class OneHot(torch.nn.Module):
    """A gate that always chooses one expert."""

    def __init__(self, expert: int) -> None:
        super().__init__()
        self.expert = expert

    def forward(self, x: Any) -> Any:
        return torch.nn.functional.one_hot(torch.full(x.shape[:1], self.expert), 2).float()


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "gemma3"])
@pytest.mark.parametrize("routing", ["block", "linear"])
@pytest.mark.parametrize(("expert", "name"), [(0, "sensibility"), (1, "rationality")])
def test_a_gate_that_chooses_one_expert_makes_the_mixture_that_expert(
    architecture: str,
    routing: str,
    expert: int,
    name: str,
    build_base: Callable[..., Any],
    make_experts: Callable[..., dict[str, Path]],
    tokens: Any,
) -> None:
    folders = make_experts(MLP_LINEARS, architecture)
    mixture = compose_mixture(build_base(architecture), folders, routing, init_std=1.0, seed=5)
    for path in [path for path, module in mixture.named_modules() if isinstance(module, Router)]:
        mixture.set_submodule(path, OneHot(expert))
    alone = peft.PeftModel.from_pretrained(build_base(architecture), folders[name]).eval()

    assert (get_logits(alone, tokens) - get_logits(mixture, tokens)).abs().max() <= 1e-4


def test_experts_of_different_rank_scale_and_reach_are_mixed_exactly(
    build_base: Callable[..., Any], make_expert: Callable[..., Path], tokens: Any
) -> None:
    folders = {
        "sensibility": make_expert("sensibility", ["up_proj", "q_proj"], r=3, lora_alpha=7),
        "rationality": make_expert("rationality", r=8, use_rslora=True),
    }
    mixture = compose_mixture(build_base(), folders, "block", init_std=1.0, seed=5)
    mixtral = build_twin(build_base(), [merge(build_base(), f) for f in folders.values()], mixture)

    assert (get_logits(mixtral, tokens) - get_logits(mixture, tokens)).abs().max() <= 1e-4


def test_gates_are_float32_and_the_base_keeps_its_type_under_bfloat16(
    build_base: Callable[..., Any], make_experts: Callable[..., dict[str, Path]], tokens: Any
) -> None:
    base = build_base().to(torch.bfloat16)
    mixture = compose_mixture(base, make_experts(), "block", init_std=1.0, seed=5)
    seen = []
    router = mixture.model.layers[0].mlp.router
    router.register_forward_hook(lambda _router, _inputs, gates: seen.append(gates))

    logits = get_logits(mixture, tokens)
    with torch.autocast("cpu", torch.bfloat16):
        get_logits(mixture, tokens)

    assert torch.bfloat16 == logits.dtype
    assert {torch.float32} == {gates.dtype for gates in seen} | {router.weight.dtype}
