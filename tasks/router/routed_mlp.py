"""The routed mixture in LoRA space: the base's linears once, the experts' low-rank updates, a gate for each token.

Gates sum to one, so `sum_i g_i (W + s_i B_i A_i) x = W x + sum_i g_i s_i B_i A_i x`: a mixture of merged experts
is the base with gated adapters (METHOD.md, identities 1 and 2). N is the number of tokens, n that of experts.

It defines layers, so it imports torch when it is imported: import it inside functions only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tasks.router.mixed_hidden import MixedHidden


class LoraStack(nn.Module):
    """The low-rank updates of one linear, one for each expert, stacked so that one product serves all.

    `lora_A` is (n, r, in) and `lora_B` (n, r, out), float32, r the largest rank. Smaller ranks (0: the expert does
    not adapt this linear) are padded with zeros, which stay zero in training: each half of a padded pair gets its
    gradient through the other.
    """

    def __init__(self, updates: Sequence[tuple[Tensor, Tensor]], scales: Sequence[float]) -> None:
        super().__init__()
        self.ranks = [a.shape[0] for a, _ in updates]
        self.scales = tuple(scales)
        self.dropout = 0.0
        """Share of the adapters' inputs dropped in training; set by whoever trains the experts."""
        rank = max(1, *self.ranks)
        self.lora_A = nn.Parameter(torch.stack([_pad_rank(a, rank) for a, _ in updates]))
        self.lora_B = nn.Parameter(torch.stack([_pad_rank(b.t(), rank) for _, b in updates]))
        self.scale: Tensor
        self.register_buffer("scale", self.lora_A.new_tensor(self.scales), persistent=False)

    def unstack(self, expert: int) -> tuple[Tensor, Tensor]:
        """Return one expert's update in PEFT's layout, (r, in) and (out, r), without padding."""
        rank = self.ranks[expert]
        return self.lora_A[expert, :rank].detach().clone(), self.lora_B[expert, :rank].detach().t().clone()

    def draw_mask(self, like: Tensor) -> Tensor | None:
        """Return a dropout mask of the shape of `like` in training, None otherwise."""
        return draw_mask(like, self.dropout) if self.training and self.dropout else None

    def project(self, x: Tensor) -> Tensor:
        """Return A_i x of every expert: (N, in) to (N, n, r). All experts see one dropout mask."""
        n, rank, _ = self.lora_A.shape
        kept = self.draw_mask(x)
        if kept is not None:
            x = x * kept
        return functional.linear(x, self.lora_A.flatten(0, 1).to(x.dtype)).view(-1, n, rank)

    def add_mixed(self, base: Tensor, z: Tensor, gates: Tensor) -> Tensor:
        """Return base + sum_i g_i s_i B_i z_i: (N, out), (N, n, r) and gates (N, n) or (n,) to (N, out)."""
        weighed = z * (gates * self.scale).to(z.dtype).unsqueeze(-1)
        return torch.addmm(base, weighed.flatten(1), self.lora_B.flatten(0, 1).to(z.dtype))


class Router(nn.Module):
    """Gates of one MLP block or linear: softmax over the experts for each token, (N, in) to (N, n).

    Weights and result are float32 whatever the base's type: bfloat16 cannot hold a router's small steps.
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.to(torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        """Return the gates, which sum to one in every row."""
        with torch.autocast(x.device.type, enabled=False):
            return functional.linear(x.float(), self.weight).softmax(-1)


class AveragedLinear(nn.Module):
    """A linear whose experts have the fixed weight 1/n: the released mixture averages all that it does not route."""

    def __init__(self, base_layer: nn.Module, experts: LoraStack) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.experts = experts
        self.weights: Tensor
        average = torch.full_like(experts.scale, 1 / len(experts.scales))
        self.register_buffer("weights", average, persistent=False)

    def weigh(self, x: Tensor) -> Tensor:  # noqa: ARG002 - a routed linear looks at x
        """Return the experts' weights, (n,) for all tokens or (N, n)."""
        return self.weights

    def forward(self, x: Tensor) -> Tensor:
        """Return the linear's output with the experts' updates added: (..., in) to (..., out)."""
        base = self.base_layer(x)
        x = x.reshape(-1, x.shape[-1])
        mixed = self.experts.add_mixed(base.view(-1, base.shape[-1]), self.experts.project(x), self.weigh(x))
        return mixed.view(base.shape)


class RoutedLinear(AveragedLinear):
    """A linear with its own gate: the paper's released form, one for each of an MLP's three linears."""

    def __init__(self, base_layer: nn.Module, experts: LoraStack, router: Router) -> None:
        super().__init__(base_layer, experts)
        self.router = router

    def weigh(self, x: Tensor) -> Tensor:
        """Return the gates of each token, (N, n)."""
        return self.router(x)


class RoutedMLP(nn.Module):
    """An MLP block with one gate: sum_i g_i down_i(act(gate_i x) * up_i x), which is what a Mixtral block computes.

    The base's gate and up projections are computed once. Its down projection is linear, so it is applied once,
    to the gate-weighted sum of the experts' hidden states.
    """

    gate_proj: nn.Linear
    up_proj: nn.Linear
    down_proj: nn.Linear
    act_fn: nn.Module

    def __init__(self, mlp: nn.Module, experts: Mapping[str, LoraStack], router: Router) -> None:
        super().__init__()
        for name in ("gate_proj", "up_proj", "down_proj", "act_fn"):
            setattr(self, name, mlp.get_submodule(name))
        self.experts = nn.ModuleDict(experts)
        self.router = router

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixture's output: (..., hidden) to (..., hidden)."""
        shape = x.shape
        x = x.reshape(-1, shape[-1])
        gates = self.router(x)
        gate_stack, up_stack, down_stack = (self._stack_of(name) for name in ("gate_proj", "up_proj", "down_proj"))
        base_up = self.up_proj(x)
        kept = down_stack.draw_mask(base_up)
        scales = (gate_stack.scales, up_stack.scales)
        mixed, down_z = MixedHidden.apply(
            self.act_fn, scales, kept, gates.to(base_up.dtype),
            self.gate_proj(x), gate_stack.project(x), gate_stack.lora_B.to(base_up.dtype),
            base_up, up_stack.project(x), up_stack.lora_B.to(base_up.dtype), down_stack.lora_A.to(base_up.dtype),
        )  # fmt: skip
        out = down_stack.add_mixed(self.down_proj(mixed), down_z, gates)
        return out.view(shape)

    def computes(self, mlp: nn.Module) -> bool:
        """Say whether `mlp` is down(act(gate x) * up x) and no more: tried on one token, as names prove nothing."""
        weight = self.gate_proj.weight
        dtype = weight.dtype if weight.is_floating_point() else torch.float32  # quantised weights are integers
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(1, 1, self.gate_proj.in_features, generator=generator).to(weight.device, dtype)
        with torch.no_grad():
            plain = self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))
            return torch.allclose(plain, mlp(x))

    def _stack_of(self, name: str) -> LoraStack:
        return cast(LoraStack, self.experts[name])


def draw_mask(like: Tensor, share: float) -> Tensor:
    """Return a dropout mask of the shape of `like`: 0 for `share` of its elements, 1 / (1 - share) for the others.

    Four elements are drawn from one random word, which on a CPU takes a quarter of the time that bernoulli_ does.
    """
    words = torch.empty(like.numel() // 4 + 1, dtype=torch.int64, device=like.device).random_(-(2**63), None)
    kept = words.view(torch.int16)[: like.numel()] < round((1 - share) * 2**16) - 2**15
    return kept.view(like.shape).to(like.dtype).div_(1 - share)


def _pad_rank(weight: Tensor, rank: int) -> Tensor:
    """Return a (r, features) matrix with rows of zeros up to `rank`, float32."""
    return functional.pad(weight.to(torch.float32), (0, 0, 0, rank - weight.shape[0])).contiguous()
