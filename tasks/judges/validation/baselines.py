"""What needs no judge: counts that an impressive judge must leave far behind."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from tasks.judges.validation.measures import Bools, Floats

AFFECT_WORDS = (
    "sorry", "sad", "happy", "glad", "proud", "love", "hope", "feel", "hard", "awful", "terrible", "wonderful",
    "great", "amazing",
)  # fmt: skip
"""Fourteen words that name a feeling or answer to one; written down before they were tried on any rating."""
BASELINES = ("affect words", "response length", "question marks")
SEED = 0

_AFFECT = frozenset(AFFECT_WORDS)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def count_baselines(responses: Sequence[str]) -> dict[str, Floats]:
    """Return, by the names of BASELINES, counts (n,): affect words, words, question marks."""
    words = [_WORD.findall(response.lower()) for response in responses]
    counts = (
        [sum(word in _AFFECT for word in of_one) for of_one in words],
        [len(of_one) for of_one in words],
        [response.count("?") for response in responses],
    )
    return {name: np.array(column, np.float64) for name, column in zip(BASELINES, counts, strict=True)}


def take_extreme(values: Floats, n: int) -> Bools:
    """Return the n turns with the highest values; chance, seeded, decides between equal ones."""
    lot = np.random.default_rng(SEED).permutation(len(values))
    taken = np.zeros(len(values), np.bool_)
    taken[np.lexsort((lot, -values))[:n]] = True
    return taken
