"""The middle of a routed block as one differentiable step, with its gradient written out.

Left to autograd, every expert keeps five activations as wide as the MLP. Here only the base's two projections and
a dropout mask are kept, from which each expert's activations follow by products of the adapters' rank: less memory
than one LoRA adapter takes in PEFT, and buffers that are reused from expert to expert.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional


class Projection(NamedTuple):
    """What makes each expert's projection of the base's: z (N, n, r), B (n, r, inter) and the experts' scales."""

    base: Tensor
    z: Tensor
    weight: Tensor
    scales: tuple[float, ...]

    def of(self, expert: int, out: Tensor) -> Tensor:
        """Return base + s_i z_i B_i of one expert, (N, inter), in the memory of `out`."""
        return torch.addmm(self.base, self.z[:, expert], self.weight[expert], alpha=self.scales[expert], out=out)


class MixedHidden(torch.autograd.Function):
    """Gate-weighted hidden states sum_i g_i h_i (N, inter) and A_i h_i (N, n, r), where h_i = act(gate_i) * up_i."""

    @staticmethod
    def forward(  # noqa: PLR0913 - autograd passes tensors one by one
        ctx: Any,
        act_fn: nn.Module,
        scales: tuple[tuple[float, ...], tuple[float, ...]],
        kept: Tensor | None,
        shares: Tensor,
        base_gate: Tensor,
        gate_z: Tensor,
        gate_b: Tensor,
        base_up: Tensor,
        up_z: Tensor,
        up_b: Tensor,
        down_a: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Return both results. `shares` are the gates (N, n), `kept` the dropout mask of the h_i (N, inter)."""
        ctx.act_fn, ctx.scales = act_fn, scales
        ctx.save_for_backward(kept, shares, base_gate, gate_z, gate_b, base_up, up_z, up_b, down_a)
        gate = Projection(base_gate, gate_z, gate_b, scales[0])
        up = Projection(base_up, up_z, up_b, scales[1])
        mixed, one, two = (torch.empty_like(base_up) for _ in range(3))
        down_z = []
        for i in range(shares.shape[1]):
            hidden = up.of(i, out=one).mul_(act_fn(gate.of(i, out=two)))
            share = shares[:, i : i + 1]
            mixed = mixed.addcmul_(hidden, share) if i else torch.mul(hidden, share, out=mixed)
            seen = hidden if kept is None else hidden.mul_(kept)
            down_z.append(functional.linear(seen, down_a[i]))
        return mixed, torch.stack(down_z, dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_mixed: Tensor, d_down_z: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of forward's inputs; those of frozen weights are left out."""
        kept, shares, base_gate, gate_z, gate_b, base_up, up_z, up_b, down_a = ctx.saved_tensors
        gate = Projection(base_gate, gate_z, gate_b, ctx.scales[0])
        up = Projection(base_up, up_z, up_b, ctx.scales[1])
        is_gate_trained, is_up_trained, is_down_trained = (ctx.needs_input_grad[i] for i in (6, 9, 10))
        d_gate, d_up = _Gradient(gate, is_gate_trained), _Gradient(up, is_up_trained)
        d_shares = torch.empty_like(shares)
        d_down_a = torch.empty_like(down_a) if is_down_trained else None
        one, two, three, scratch = (torch.empty_like(base_up) for _ in range(4))
        for i in range(shares.shape[1]):
            leaf, up_i = gate.of(i, out=one).detach().requires_grad_(), up.of(i, out=two)
            with torch.enable_grad():
                active = ctx.act_fn(leaf)
            hidden = torch.mul(active.detach(), up_i, out=scratch)
            d_shares[:, i] = torch.linalg.vecdot(d_mixed, hidden)
            if d_down_a is not None:
                seen = hidden if kept is None else hidden.mul_(kept)
                torch.mm(d_down_z[:, i].t(), seen, out=d_down_a[i])
            d_hidden = torch.mm(d_down_z[:, i], down_a[i], out=three)
            if kept is not None:
                d_hidden.mul_(kept)
            d_hidden.addcmul_(d_mixed, shares[:, i : i + 1])
            d_up.add(i, torch.mul(d_hidden, active.detach(), out=scratch))
            d_gate.add(i, *torch.autograd.grad(active, leaf, d_hidden.mul_(up_i)))
        return None, None, None, d_shares, *d_gate.parts(), *d_up.parts(), d_down_a


class _Gradient:
    """Gradients of one projection's base, z and B, summed over the experts."""

    def __init__(self, projection: Projection, is_trained: bool) -> None:
        self.projection = projection
        self.base: Tensor | None = None
        self.z = torch.empty_like(projection.z)
        self.weight = torch.empty_like(projection.weight) if is_trained else None

    def add(self, expert: int, gradient: Tensor) -> None:
        """Take in the gradient of one expert's projection."""
        scale = self.projection.scales[expert]
        self.base = gradient.clone() if self.base is None else self.base.add_(gradient)
        self.z[:, expert] = torch.mm(gradient, self.projection.weight[expert].t()).mul_(scale)
        if self.weight is not None:
            torch.mm(self.projection.z[:, expert].t(), gradient, out=self.weight[expert]).mul_(scale)

    def parts(self) -> tuple[Tensor | None, Tensor, Tensor | None]:
        """Return the gradients in the order of the inputs."""
        return self.base, self.z, self.weight
