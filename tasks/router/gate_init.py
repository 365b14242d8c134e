"""Gates that start from the data: each points to where its own expert's turns lie.

Let m_i be the mean input of a router over the response tokens of expert i's turns, and m the mean of the m_i.
The expert's weights are c (m_i - m), made orthogonal to m. Without that, a gate that has no bias would send every
token to the expert whose mean is the longer one. c makes the root mean square of the logits 1/2 over the turns of
all experts, each counted alike: with two experts one standard deviation of a token moves the gates from 0.5 to
0.27 / 0.73. mergekit's `hidden` mode starts from mean hidden states of prompts too, without these two steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tasks.router.compose import get_spec

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.router.routed_mlp import Router

RMS_LOGIT = 0.5
Batches = Sequence[Mapping[str, "Tensor"]]


def aim_gates(model: nn.Module, batches: Mapping[str, Batches]) -> None:
    """Set every router's weights from batches of each expert's own turns, by the expert's name.

    A batch holds what the model takes and `labels` (rows, tokens), -100 at prompt and padding. The hidden states
    are those of the mixture with equal gates. Deterministic. Where the experts' means are the same, gates stay equal.
    """
    import torch

    from tasks.router.routed_mlp import Router

    experts = get_spec(model).experts
    routers = {path: module for path, module in model.named_modules() if isinstance(module, Router)}
    was_training = model.training
    model.eval()
    with torch.no_grad():
        for router in routers.values():
            router.weight.zero_()
        centres = [_average(model, routers, batches[name], lambda _path, x: x) for name in experts]
        aims = {path: _point_apart(torch.stack([centre[path] for centre in centres])) for path in routers}
        squares = [
            _average(model, routers, batches[name], lambda path, x: (x @ aims[path].T).square()) for name in experts
        ]
        for path, router in routers.items():
            spread = torch.stack([square[path] for square in squares]).mean().sqrt()
            if spread > 0:
                router.weight.copy_(aims[path] * (RMS_LOGIT / spread))
    model.train(was_training)


def _point_apart(centres: Tensor) -> Tensor:
    """Return each centre (n, in) minus their mean, orthogonal to that mean: (n, in)."""
    mean = centres.mean(0)
    apart = centres - mean
    square = mean.dot(mean)
    return apart - (apart @ mean)[:, None] * mean / square if square > 0 else apart


def _average(
    model: nn.Module,
    routers: Mapping[str, Router],
    batches: Iterable[Mapping[str, Tensor]],
    measure: Callable[[str, Tensor], Tensor],
) -> dict[str, Tensor]:
    """Return the mean over response tokens of what is measured of each router's inputs, (tokens, in) in float64."""
    inputs: dict[str, Tensor] = {}
    sums: dict[str, Tensor] = {}
    n_tokens = 0

    def watch(path: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _router, seen: inputs.update({path: seen[0]})

    hooks = [router.register_forward_pre_hook(watch(path)) for path, router in routers.items()]
    try:
        for batch in batches:
            model(**{key: value for key, value in batch.items() if key != "labels"}, use_cache=False, logits_to_keep=1)
            is_response = (batch["labels"] != -100).flatten()
            n_tokens += int(is_response.sum())
            for path, x in inputs.items():
                sums[path] = sums.get(path, 0) + measure(path, x[is_response].double()).sum(0)
    finally:
        for hook in hooks:
            hook.remove()
    return {path: total / n_tokens for path, total in sums.items()}
