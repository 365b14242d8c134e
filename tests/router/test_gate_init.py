"""Gates that start from the data point each expert's turns to that expert, moderately, whatever the order of rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.config import ExpertConfig, RouterConfig
from tasks.errors import ConfigError

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

from tasks.experts import Runtime  # noqa: E402 - after the skip
from tasks.router import compose_mixture, load_mixture, train_mixture  # noqa: E402 - after the skip
from tasks.router.gate_init import aim_gates  # noqa: E402 - likewise
from tasks.router.routed_mlp import Router  # noqa: E402 - likewise

NAMES = ("sensibility", "rationality")
EXPERT = ExpertConfig(base_model="tiny-llama", batch_size=4, max_length=128, too_long="cut")


def make_batches() -> dict[str, list[dict[str, Any]]]:
    """Two batches for each expert, from the lower and from the upper half of the vocabulary; some tokens unlabelled."""
    generator = torch.Generator().manual_seed(1)
    batches = {}
    for name, (low, high) in zip(NAMES, ((2, 48), (48, 96)), strict=True):
        batches[name] = []
        for n_tokens in (9, 14):
            ids = torch.randint(low, high, (3, n_tokens), generator=generator)
            labels = ids.clone()
            labels[:, :3] = -100
            batches[name].append({"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels})
    return batches


def watch_inputs(model: Any, batches: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the inputs of every router on the labelled tokens, (tokens, in) in float64."""
    seen: dict[str, list[Any]] = {}

    def watch(path: str) -> Any:
        return lambda _router, inputs: seen.setdefault(path, []).append(inputs[0].double())

    routers = {path: module for path, module in model.named_modules() if isinstance(module, Router)}
    hooks = [router.register_forward_pre_hook(watch(path)) for path, router in routers.items()]
    with torch.no_grad():
        for batch in batches:
            model(input_ids=batch["input_ids"])
    for hook in hooks:
        hook.remove()
    is_labelled = torch.cat([batch["labels"].flatten() for batch in batches]) != -100
    return {path: torch.cat(found)[is_labelled] for path, found in seen.items()}


@pytest.mark.parametrize("architecture", ["llama", "gemma3", "qwen3"])
@pytest.mark.parametrize("routing", ["block", "linear"])
def test_weights_lie_along_the_difference_of_the_means_and_gates_are_moderate(
    architecture: str, routing: str, build_base: Callable[..., Any], make_experts: Callable[..., dict[str, Path]]
) -> None:
    folders, batches = make_experts(architecture=architecture), make_batches()
    model = compose_mixture(build_base(architecture), folders, routing, init_std=1.0, seed=5)
    level = compose_mixture(build_base(architecture), folders, routing, init_std=0.0, seed=0)
    aim_gates(model, batches)

    inputs = [watch_inputs(level, batches[name]) for name in NAMES]
    for path in inputs[0]:
        ours, theirs = inputs[0][path], inputs[1][path]
        apart, mean = ours.mean(0) - theirs.mean(0), (ours.mean(0) + theirs.mean(0)) / 2
        expected = apart - (apart @ mean) / (mean @ mean) * mean
        weight = model.get_submodule(path).weight.double()
        assert torch.cosine_similarity(expected, weight[0], dim=0) > 0.9999
        assert torch.allclose(weight[0], -weight[1])
        odds = [(x @ (weight[0] - weight[1])) for x in (ours, theirs)]
        assert odds[0].mean() > 0 > odds[1].mean()
        assert odds[0].mean().item() == pytest.approx(-odds[1].mean().item(), abs=1e-5)
        square = (odds[0].square().mean() + odds[1].square().mean()) / 2
        assert square.item() == pytest.approx(1, abs=1e-5)


def test_experts_with_the_same_turns_start_with_equal_gates(
    build_base: Callable[..., Any], make_experts: Callable[..., dict[str, Path]]
) -> None:
    model = compose_mixture(build_base(), make_experts(), "block", init_std=1.0, seed=5)
    aim_gates(model, dict.fromkeys(NAMES, make_batches()["sensibility"]))
    assert not any(module.weight.any() for module in model.modules() if isinstance(module, Router))


def test_the_stage_starts_from_each_experts_turns_whatever_their_order(
    base: Any, trained_experts: Any, rows: Any, tmp_path: Path
) -> None:
    own = {"sensibility": rows[:6], "rationality": rows[6:]}
    config = RouterConfig(init="data", learning_rate=1e-6, train="router")

    def train(folder: str, rows: Any, own: Any, config: RouterConfig) -> Any:
        train_mixture(
            base,
            trained_experts,
            rows,
            config,
            EXPERT,
            tmp_path / folder,
            n_steps=1,
            runtime=Runtime("cpu"),
            own_rows=own,
        )
        return (tmp_path / folder / "router.safetensors").read_bytes()

    for name in ("one", "two", "random"):
        (tmp_path / name).mkdir()
    made = train("one", rows, own, config)
    assert made == train("two", rows.reverse(), {name: part.reverse() for name, part in own.items()}, config)
    assert made != train("random", rows, own, config.model_copy(update={"init": "normal"}))
    router = load_mixture(tmp_path / "one", base, "cpu")[0].model.layers[0].mlp.router
    assert torch.allclose(router.weight[0], -router.weight[1], atol=1e-5)


def test_an_expert_without_turns_of_its_own_is_refused_by_name(
    base: Any, trained_experts: Any, rows: Any, tmp_path: Path
) -> None:
    config = RouterConfig(init="data")
    with pytest.raises(ConfigError, match="no turns of rationality"):
        train_mixture(
            base, trained_experts, rows, config, EXPERT, tmp_path, n_steps=1, runtime=Runtime("cpu"),
            own_rows={"sensibility": rows},
        )  # fmt: skip
