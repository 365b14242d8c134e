"""The next token of each row: the likeliest, or one drawn by temperature and nucleus.

It works on tensors, so it imports torch when it is imported: import it inside functions only.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from tasks.serving.job import Job, Options

COLDEST = 1e-4
"""Temperatures below are greedy: dividing by them says nothing more, and overflows in the end."""


def pick_tokens(logits: Tensor, jobs: Sequence[Job]) -> list[int]:
    """Return the next token of each job from its row of `logits` (n, vocabulary)."""
    picked = logits.argmax(-1).tolist()
    for row, job in enumerate(jobs):
        if job.options.temperature >= COLDEST:
            job.generator = job.generator or make_generator(job.options.seed)
            picked[row] = draw_token(logits[row], job.options, job.generator)
    return picked


def make_generator(seed: int | None) -> Generator:
    """Return a source of random numbers on the CPU, where a seed means the same on every machine."""
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return generator


def draw_token(logits: Tensor, options: Options, generator: Generator) -> int:
    """Return a token drawn from softmax(logits / temperature) within the nucleus `top_p`.

    The nucleus is the smallest set of likeliest tokens whose probabilities sum to at least `top_p`; the likeliest
    token is always in it (Holtzman et al. 2020, arXiv 1904.09751).
    """
    weights = ((logits.float() - logits.max()) / options.temperature).softmax(-1)
    order = torch.arange(len(weights), device=weights.device)
    if options.top_p < 1:
        weights, order = weights.sort(descending=True, stable=True)
        before = weights.cumsum(-1) - weights
        weights = torch.where(before < max(options.top_p, 1e-9), weights, 0.0)
    cumulated = weights.double().cumsum(-1)
    point = torch.rand((), generator=generator, dtype=torch.float64).item() * cumulated[-1].item()
    last = int(weights.nonzero()[-1])  # where rounding puts the point at the very end
    return int(order[min(int(torch.searchsorted(cumulated, point, right=True)), last)])
