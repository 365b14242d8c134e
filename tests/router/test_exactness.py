"""A trained mixture is exactly the dense one of the paper, however it is run: on a small Llama, Qwen3 and Gemma 3."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

from tasks.experts import load_base  # noqa: E402 - after the skip
from tasks.router import load_mixture, mean_gates, save_mixture  # noqa: E402 - likewise
from tests.router import references  # noqa: E402 - likewise
from tests.router.references import get_logits, write_greedily  # noqa: E402 - likewise

EVERY = [(architecture, routing) for architecture in ("llama", "qwen3", "gemma3") for routing in ("block", "linear")]


@pytest.fixture
def load(get_trained: Callable[..., Any]) -> Callable[..., Any]:
    """A function that loads the mixture that was trained on a small base."""

    def load(architecture: str, routing: str) -> Any:
        trained = get_trained(architecture, routing)
        return load_mixture(trained.mixture, trained.base, "cpu")[0]

    return load


def merge_experts(trained: Any) -> list[Any]:
    """The experts as they are in the mixture, where they were trained on, each merged into the base."""
    folders = [trained.mixture / "experts" / name for name in trained.folders]
    return [references.merge(load_base(trained.base, "cpu")[0], folder) for folder in folders]


@pytest.mark.parametrize(("architecture", "routing"), EVERY)
def test_the_mixtures_compared_here_have_learnt_something(
    architecture: str, routing: str, get_trained: Callable[..., Any], load: Callable[..., Any], tokens: Any
) -> None:
    from safetensors.torch import load_file

    trained, model = get_trained(architecture, routing), load(architecture, routing)
    for name, folder in trained.folders.items():
        before, after = (load_file(path / "adapter_model.safetensors")
                         for path in (folder, trained.mixture / "experts" / name))  # fmt: skip
        assert all((before[key] - after[key]).abs().max() > 1e-4 for key in before if ".mlp." in key)
    gates = mean_gates(model, [{"input_ids": tokens, "labels": tokens}])
    assert min(layer["entropy"] for layer in gates) < 0.6  # gates differ from 0.5 and from token to token
    plain = get_logits(load_base(trained.base, "cpu")[0], tokens)
    assert (plain - get_logits(model, tokens)).abs().max() > 0.1


@pytest.mark.parametrize("architecture", ["llama", "qwen3"])
def test_block_routing_is_the_mixture_of_experts_checkpoint_of_the_merged_experts(
    architecture: str, get_trained: Callable[..., Any], load: Callable[..., Any], tokens: Any
) -> None:
    trained, mixture = get_trained(architecture, "block"), load(architecture, "block")
    twin = references.build_twin(load_base(trained.base, "cpu")[0], merge_experts(trained), mixture)

    expected, found = get_logits(twin, tokens), get_logits(mixture, tokens)

    assert expected.std() > 0.1  # a model that says something
    assert (expected - found).abs().max() <= 1e-4
    assert write_greedily(twin, tokens) == write_greedily(mixture, tokens)


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "gemma3"])
def test_linear_routing_is_the_dense_mixture_of_each_linear(
    architecture: str, get_trained: Callable[..., Any], load: Callable[..., Any], tokens: Any
) -> None:
    trained, mixture = get_trained(architecture, "linear"), load(architecture, "linear")
    dense = references.build_dense(load_base(trained.base, "cpu")[0], merge_experts(trained), mixture)

    assert (get_logits(dense, tokens) - get_logits(mixture, tokens)).abs().max() <= 1e-4
    assert write_greedily(dense, tokens) == write_greedily(mixture, tokens)


@pytest.mark.parametrize(("architecture", "routing"), EVERY)
def test_a_saved_mixture_comes_back_bit_for_bit(
    architecture: str, routing: str, get_trained: Callable[..., Any], load: Callable[..., Any], tokens: Any,
    tmp_path: Any,
) -> None:  # fmt: skip
    base, model = get_trained(architecture, routing).base, load(architecture, routing)
    save_mixture(model, base, tmp_path)
    assert torch.equal(get_logits(model, tokens), get_logits(load_mixture(tmp_path, base, "cpu")[0], tokens))


@pytest.mark.parametrize(("architecture", "routing"), EVERY)
def test_cached_generation_is_uncached_generation(
    architecture: str, routing: str, load: Callable[..., Any], tokens: Any
) -> None:
    model = load(architecture, routing)
    with torch.no_grad():
        whole = model(input_ids=tokens, use_cache=False).logits
        cached = model(input_ids=tokens[:, :9], use_cache=True).past_key_values
        steps = [model(input_ids=tokens[:, at : at + 1], past_key_values=cached).logits for at in range(9, 17)]

    assert (whole[:, 9:] - torch.cat(steps, 1)).abs().max() <= 1e-4
    assert write_greedily(model, tokens, use_cache=False) == write_greedily(model, tokens)


@pytest.mark.parametrize(("architecture", "routing"), EVERY)
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_padded_row_is_answered_as_if_it_were_alone(
    architecture: str, routing: str, side: str, load: Callable[..., Any], tokens: Any
) -> None:
    model = load(architecture, routing)
    real = slice(6, None) if side == "left" else slice(None, -6)
    mask = torch.zeros_like(tokens)
    mask[0], mask[1, real] = 1, 1
    positions = (mask.cumsum(1) - 1).clamp(min=0)

    together = get_logits(model, tokens * mask, attention_mask=mask, position_ids=positions)

    assert (together[:1] - get_logits(model, tokens[:1])).abs().max() <= 1e-4
    assert (together[1:, real] - get_logits(model, tokens[1:, real])).abs().max() <= 1e-4


@pytest.mark.parametrize(("architecture", "routing"), EVERY)
def test_rows_padded_on_the_left_are_continued_as_if_each_were_alone(
    architecture: str, routing: str, load: Callable[..., Any], tokens: Any
) -> None:
    model = load(architecture, routing)
    mask = torch.ones_like(tokens)
    mask[1, :6] = 0
    together = write_greedily(model, tokens * mask, attention_mask=mask)

    assert write_greedily(model, tokens[:1])[0] == together[0]
    assert write_greedily(model, tokens[1:, 6:])[0] == together[1][6:]


@pytest.mark.parametrize(("architecture", "routing"), EVERY)
@pytest.mark.parametrize("train", ["router", "router+experts", "released"])
def test_gradient_checkpointing_changes_neither_loss_nor_gradients(
    architecture: str, routing: str, train: str, load: Callable[..., Any], tokens: Any
) -> None:
    from tasks.router.trainer import choose_trainable

    def learn(is_checkpointed: bool) -> tuple[float, dict[str, Any]]:
        model = load(architecture, routing).train()
        if is_checkpointed:
            model.gradient_checkpointing_enable()
        assert is_checkpointed == model.is_gradient_checkpointing
        choose_trainable(model, train, dropout=0.1)
        torch.manual_seed(0)
        loss = model(input_ids=tokens, labels=tokens, use_cache=False).loss
        loss.backward()
        return loss.item(), {name: p.grad for name, p in model.named_parameters() if p.requires_grad}

    (loss, gradients), (again, found) = learn(False), learn(True)

    assert loss == pytest.approx(again, abs=1e-6)
    assert gradients.keys() == found.keys()
    assert all(gradient.abs().max() > 0 for gradient in gradients.values())
    assert all((gradients[name] - found[name]).abs().max() <= 1e-6 for name in gradients)
