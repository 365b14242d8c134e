"""A measure with its interval: the percentile bootstrap over whole dialogues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.judges.validation.measures import Floats, Statistic, UndefinedError

N_RESAMPLES = 1000
SEED = 0
LEVEL = 0.95
LEAST_TURNS = 3
LEAST_DIALOGUES = 10
"""Resamples of fewer dialogues say little of what others would give: no interval."""
BLOCK = 100
"""Resamples measured at once: at most 100 x 10,000 weights, 8 MB."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure, its interval, the turns it was measured on, and why there is no value or no interval."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    why: str = ""


class Resamples:
    """Draws of dialogues, with replacement and seeded; every measure over the same turns sees the same draws.

    `weights` (n_turns,) say how many turns each stands for, where that is not the same for all.
    """

    def __init__(self, dialogues: Sequence[str], weights: Floats | None = None) -> None:
        names, self.dialogue_of_turn = np.unique(np.asarray(dialogues, dtype=str), return_inverse=True)
        self.n_turns, self.n_dialogues = len(self.dialogue_of_turn), len(names)
        self.drawn = draw_dialogues(self.n_dialogues) if names.size else np.zeros((N_RESAMPLES, 0), np.uint16)
        self.weights = np.ones(self.n_turns) if weights is None or not self.n_turns else weights / weights.mean()

    def measure(self, make: Callable[..., Statistic], *values: NDArray[Any]) -> Figure:
        """Return the measure that `make(*values)` computes, each of the values being (n_turns,) or (n_turns, m).

        The interval is the percentile one (Efron and Tibshirani 1993); resamples where the measure is not defined
        are left out of it, and if that is more than half of them there is none.
        """
        if self.n_turns < LEAST_TURNS:
            return Figure(None, None, None, self.n_turns, f"fewer than {LEAST_TURNS} turns")
        # turns with the same values count as one that weighs more: whole scores make few kinds of turns
        kinds, inverse = np.unique(np.column_stack(values).astype(np.float64), axis=0, return_inverse=True)
        kind_of_turn = inverse.ravel()
        counts = np.asarray(np.bincount(kind_of_turn, self.weights, len(kinds)), np.float64)
        try:
            statistic = make(*split_like(kinds, values))
            value = float(statistic(counts[None])[0])
        except UndefinedError as error:
            return Figure(None, None, None, self.n_turns, str(error))
        if not np.isfinite(value):
            return Figure(None, None, None, self.n_turns, "not defined for these values")
        value = round(value, 6)
        if self.n_dialogues < LEAST_DIALOGUES:
            why = f"no interval: fewer than {LEAST_DIALOGUES} dialogues"
            return Figure(value, None, None, self.n_turns, why)
        found = self._resample(statistic, kind_of_turn, len(kinds))
        if len(found) < N_RESAMPLES / 2:
            return Figure(value, None, None, self.n_turns, "no interval: undefined in most resamples")
        low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
        return Figure(value, round(low, 6), round(high, 6), self.n_turns)

    def _resample(self, statistic: Statistic, kind_of_turn: NDArray[np.intp], n_kinds: int) -> Floats:
        from scipy.sparse import csr_matrix

        shape = (n_kinds, self.n_dialogues)
        turns = csr_matrix((self.weights, (kind_of_turn, self.dialogue_of_turn)), shape=shape)
        blocks = [
            statistic((turns @ self.drawn[start : start + BLOCK].T.astype(np.float64)).T)
            for start in range(0, N_RESAMPLES, BLOCK)
        ]
        found = np.concatenate(blocks)
        return found[np.isfinite(found)]


def split_like(kinds: Floats, values: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the columns of stacked values, parted and typed as the values were."""
    widths = [1 if one.ndim == 1 else one.shape[1] for one in values]
    parts = np.split(kinds, np.cumsum(widths)[:-1], axis=1)
    return [part.reshape(len(kinds), *one.shape[1:]).astype(one.dtype) for part, one in zip(parts, values, strict=True)]


def draw_dialogues(n_dialogues: int) -> NDArray[np.uint16]:
    """Return (N_RESAMPLES, n_dialogues): how often each dialogue was drawn."""
    rng = np.random.default_rng(SEED)
    blocks = [rng.multinomial(n_dialogues, np.full(n_dialogues, 1 / n_dialogues), BLOCK).astype(np.uint16)
              for _ in range(0, N_RESAMPLES, BLOCK)]  # fmt: skip
    return np.concatenate(blocks)
