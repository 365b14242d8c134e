"""Looking at the gates: how much of each expert a layer mixes in, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tasks.router.compose import get_spec

if TYPE_CHECKING:
    from torch import Tensor, nn


def mean_gates(model: nn.Module, batches: Iterable[Mapping[str, Tensor]]) -> list[dict[str, Any]]:
    """Return, for each router in the model's order, the mean gate and its entropy over the response tokens.

    A batch holds what the model takes and `labels` (rows, tokens), -100 at prompt and padding. Each entry is
    `{"layer": path, "gates": {expert: mean}, "entropy": mean in nats, "n_tokens": n}`; gates that never leave
    1/n have entropy ln n (0.693 for two experts). No token at all gives an empty list.
    """
    import torch

    experts = get_spec(model).experts
    sums: dict[str, Tensor] = {}
    was_training = model.training
    model.eval()
    with torch.no_grad(), record_gates(model) as gates:
        for batch in batches:
            inputs = {key: value for key, value in batch.items() if key != "labels"}
            model(**inputs, use_cache=False, logits_to_keep=1)
            is_response = (batch["labels"] != -100).flatten()
            for layer, found in gates.items():
                sums[layer] = sums.get(layer, 0) + _sum_up(found[is_response])
    model.train(was_training)
    return [_describe(layer, total.tolist(), experts) for layer, total in sums.items() if total[-1]]


@contextmanager
def record_gates(model: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Yield a mapping that holds, after each forward pass, the gates (tokens, experts) of every router by its path."""
    from tasks.router.routed_mlp import Router

    gates: dict[str, Tensor] = {}

    def watch(path: str, router: Router) -> Any:
        return router.register_forward_hook(lambda _router, _inputs, output: gates.update({path: output.detach()}))

    hooks = [watch(path, module) for path, module in model.named_modules() if isinstance(module, Router)]
    try:
        yield gates
    finally:
        for hook in hooks:
            hook.remove()


def _sum_up(gates: Tensor) -> Tensor:
    """Return the summed gates, the summed entropy and the number of tokens, float64: (experts + 2,)."""
    import torch

    gates = gates.double()
    entropy = -torch.xlogy(gates, gates).sum()
    count = entropy.new_tensor(len(gates))
    return torch.cat([gates.sum(0), entropy[None], count[None]])


def _describe(layer: str, sums: list[float], experts: Iterable[str]) -> dict[str, Any]:
    *gates, entropy, n_tokens = sums
    return {
        "layer": layer.removesuffix(".router"),
        "gates": {name: gate / n_tokens for name, gate in zip(experts, gates, strict=True)},
        "entropy": entropy / n_tokens,
        "n_tokens": int(n_tokens),
    }
