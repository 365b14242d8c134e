"""Merged weights W + s B A in float32, and an expert alone in LoRA space, which merged ones are compared with.

It works on layers, so it imports torch when it is imported: import it inside functions only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from tasks.router.adapters import Adapter
from tasks.router.compose import misfit
from tasks.router.routed_mlp import AveragedLinear, LoraStack, RoutedMLP

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def merge_expert(linear: nn.Linear, stack: LoraStack, expert: int) -> Tensor:
    """Return a linear's weight with one expert's update added, (out, in)."""
    a, b = stack.unstack(expert)
    return torch.addmm(linear.weight.detach().float(), b, a, alpha=stack.scales[expert])


def merge_average(layer: AveragedLinear) -> Tensor:
    """Return a linear's weight with the mean of all experts' updates added: what the released mixture averages."""
    linear = cast(nn.Linear, layer.base_layer)
    n = len(layer.experts.scales)
    return torch.stack([merge_expert(linear, layer.experts, i) for i in range(n)]).mean(0)


def merge_block(block: nn.Module, n_experts: int) -> list[dict[str, Tensor]]:
    """Return gate_proj, up_proj and down_proj of each expert; of a block that is not routed all are the base's."""
    names = ("gate_proj", "up_proj", "down_proj")
    linears = {name: cast(nn.Linear, block.get_submodule(name)) for name in names}
    if not isinstance(block, RoutedMLP):
        return [{name: linear.weight.detach().float() for name, linear in linears.items()}] * n_experts
    stacks = {name: cast(LoraStack, block.experts[name]) for name in names}
    return [{name: merge_expert(linears[name], stacks[name], i) for name in names} for i in range(n_experts)]


def add_expert(model: PreTrainedModel, adapter: Adapter) -> PreTrainedModel:
    """Return the model itself with an expert on its linears, unmerged. Raises ConfigError where it does not fit."""
    for path, update in adapter.weights.items():
        linear = dict(model.named_modules()).get(path)
        if not isinstance(linear, nn.Linear):
            raise misfit(path, "the base has no linear layer there")
        if (update.a.shape[1], update.b.shape[0]) != (linear.in_features, linear.out_features):
            raise misfit(path, f"an update of {update.b.shape[0]} x {update.a.shape[1]} for {linear}")
        stack = LoraStack([update], [adapter.scale_of(update.a.shape[0])])
        model.set_submodule(path, AveragedLinear(linear, stack.to(linear.weight.device)))
    return model.eval()


def remove_expert(model: PreTrainedModel, is_merged: bool) -> PreTrainedModel:
    """Return the model itself with the base's own linears again, what `add_expert` added merged into them or not."""
    for path, layer in list(model.named_modules()):
        if isinstance(layer, AveragedLinear):
            linear = cast(nn.Linear, layer.base_layer)
            if is_merged:
                with torch.no_grad():
                    linear.weight.copy_(merge_average(layer))
            model.set_submodule(path, linear)
    return model
