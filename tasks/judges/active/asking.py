"""Which turns the LLM is asked for next: first some at random, then where it matters most, last an audit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from tasks.errors import UsageError
from tasks.judge_config import ActiveConfig
from tasks.judges.active.learner import Guess

SEED_PART = 0.2
"""Of all calls: turns by chance, which the first learner is fitted to."""
LEAST_AUDIT = 30
"""Fewer tell nothing: the interval of a share is then some 30 points wide."""
LEAST_CALLS = 100
"""Below it the random turns say too little to choose the others by."""


class Reason(StrEnum):
    """Why turns are asked for."""

    RANDOM = "random"
    UNCERTAIN = "uncertain"
    AUDIT = "audit"


@dataclass(frozen=True)
class Allowance:
    """How a budget of calls is spent; counts of distinct turns."""

    total: int
    seeds: int
    audit: int
    per_round: int


def share_out(n_turns: int, config: ActiveConfig) -> Allowance:
    """Return the calls that a config allows for a corpus of n distinct turns.

    Raises UsageError where they are too few to learn from.
    """
    total = int(config.budget * n_turns + 0.5)
    if total < LEAST_CALLS:
        raise UsageError(
            f"A budget of {config.budget:g} of {n_turns:,} turns is {total} calls; active scoring needs {LEAST_CALLS}.",
            do="raise --budget, ingest more dialogues, or let the LLM score them all (--judge openai)",
        )
    seeds, audit = round(SEED_PART * total), round(config.audit * total)
    audit = max(audit, LEAST_AUDIT) if config.audit else 0
    return Allowance(total, seeds, audit, max(1, -(-(total - seeds - audit) // config.n_rounds)))


def order_by_chance(keys: Sequence[str], seed: int, purpose: Reason) -> NDArray[np.int64]:
    """Return the numbers of turns in an order that is random, and the same for the same keys, seed and purpose."""
    hashes = [hashlib.sha256(f"{purpose}|{seed}|{key}".encode()).digest() for key in keys]
    return np.array(sorted(range(len(keys)), key=hashes.__getitem__), np.int64)


def choose_seeds(keys: Sequence[str], is_asked: NDArray[np.bool_], n: int, seed: int) -> NDArray[np.int64]:
    """Return the first turns of the random order that nobody was asked about, so that n are asked in all."""
    order = order_by_chance(keys, seed, Reason.RANDOM)
    return order[~is_asked[order]][: max(0, n - int(is_asked.sum()))]


def choose_uncertain(guess: Guess, is_asked: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
    """Return at most n turns whose interval straddles a threshold, those most likely in the wrong subset first.

    `guess` is of all turns, in the order of `is_asked`.
    """
    candidates = np.flatnonzero(guess.straddles & ~is_asked & (guess.disagreement > 0))
    return candidates[np.argsort(-guess.disagreement[candidates], kind="stable")][:n]


def choose_audit(keys: Sequence[str], is_asked: NDArray[np.bool_], n: int, seed: int) -> NDArray[np.int64]:
    """Return n turns drawn by chance among those that nobody was asked about."""
    order = order_by_chance(keys, seed, Reason.AUDIT)
    return order[~is_asked[order]][:n]


def expect_disagreement(guess: Guess, is_asked: NDArray[np.bool_]) -> float:
    """Return the share of all turns that the learner expects in another subset than a full run would put them."""
    return float(guess.disagreement[~is_asked].sum() / max(1, len(is_asked)))
