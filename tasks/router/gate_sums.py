"""What the gates of some tokens come to: mean, entropy, and how far they are from equal shares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

Group = tuple[str, str]
"""What kind of group it is, and its name."""
Layers = list[dict[str, Any]]
"""What is said of each router, in the model's order."""


class GateSums:
    """Adds up the gates of every router over the tokens of each group."""

    def __init__(self, experts: Sequence[str]) -> None:
        self.experts = tuple(experts)
        self._sums: dict[Group, dict[str, Tensor]] = {}

    def add(self, group: Group, gates: Mapping[str, Tensor], is_member: Tensor) -> None:
        """Take in the gates (tokens, experts) of each router by its path, where `is_member` (tokens) is true."""
        sums = self._sums.setdefault(group, {})
        for layer, found in gates.items():
            sums[layer] = sums.get(layer, 0) + _sum_up(found[is_member])

    def describe(self) -> dict[Group, Layers]:
        """Return an entry for each router, in the model's order, of each group that has a token.

        An entry is `{"layer": path, "gates": {expert: mean}, "entropy": mean in nats, "entropy_share": the same as a
        share of ln n, "distance": mean over tokens and experts of |gate - 1/n|, "n_tokens"}`, n experts. Gates that
        never leave 1/n have entropy ln n (0.693 for two), share 1 and distance 0.
        """
        rows = {group: [(layer, total.tolist()) for layer, total in sums.items()] for group, sums in self._sums.items()}
        return {
            group: [self._describe(layer, total) for layer, total in found]
            for group, found in rows.items()
            if found and found[0][1][-1]
        }

    def _describe(self, layer: str, sums: Sequence[float]) -> dict[str, Any]:
        *gates, entropy, distance, n_tokens = sums
        return {
            "layer": layer.removesuffix(".router"),
            "gates": {name: gate / n_tokens for name, gate in zip(self.experts, gates, strict=True)},
            "entropy": entropy / n_tokens,
            "entropy_share": entropy / n_tokens / math.log(len(self.experts)),
            "distance": distance / n_tokens,
            "n_tokens": int(n_tokens),
        }


def _sum_up(gates: Tensor) -> Tensor:
    """Return the summed gates, entropies and distances and the number of tokens, float64: (experts + 3,)."""
    import torch

    gates = gates.double()
    entropy = -torch.xlogy(gates, gates).sum()
    distance = (gates - 1 / gates.shape[1]).abs().mean(1).sum()
    return torch.cat([gates.sum(0), torch.stack([entropy, distance, entropy.new_tensor(len(gates))])])
