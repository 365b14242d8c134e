"""Looking at the gates: how much of each expert a layer mixes in, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tasks.experts import MASKED
from tasks.router.compose import get_spec
from tasks.router.gate_sums import GateSums, Group, Layers

if TYPE_CHECKING:
    from torch import Tensor, nn

Batch = Mapping[str, "Tensor"]
ALL: Group = ("all", "")
"""All response tokens."""


def mean_gates(model: nn.Module, batches: Iterable[Batch]) -> Layers:
    """Return, for each router in the model's order, what its gates on the response tokens come to.

    A batch holds what the model takes and `labels` (rows, tokens), -100 at prompt and padding. An entry is as
    `GateSums.describe` says. No token at all gives an empty list.
    """
    marked = ((batch, {ALL: batch["labels"] != MASKED}) for batch in batches)
    return mean_gates_of(model, marked).get(ALL, [])


def mean_gates_of(model: nn.Module, batches: Iterable[tuple[Batch, Mapping[Group, Tensor]]]) -> dict[Group, Layers]:
    """Return the same for each group of tokens that has any; one pass, and a token may be in several groups.

    Beside each batch stand the members of each group by its name, (rows, tokens) of bool.
    """
    import torch

    sums = GateSums(get_spec(model).experts)
    was_training = model.training
    model.eval()
    with torch.no_grad(), record_gates(model) as gates:
        for batch, groups in batches:
            inputs = {key: value for key, value in batch.items() if key != "labels"}
            model(**inputs, use_cache=False, logits_to_keep=1)
            for group, is_member in groups.items():
                sums.add(group, gates, is_member.flatten())
    model.train(was_training)
    return sums.describe()


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
