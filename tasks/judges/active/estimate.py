"""How far the result is from that of a full run of the LLM, estimated from turns that were drawn by chance."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.judges.active.ordinal import Floats
from tasks.judges.cross_validation import split_turns
from tasks.scoring import DIMENSIONS

N_RESAMPLES = 2000
LEVEL = 0.95
SEED = 17


@dataclass(frozen=True)
class Interval:
    """An estimate with its bootstrap interval; None where nothing was audited, or the measure is not defined."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Estimate:
    """What a full run of the LLM would change."""

    n_audited: int
    n_guessed: int
    """Turns whose scores are guesses: neither asked for nor audited."""
    disagreement: Interval
    """Share of all turns that a full run would put into another subset."""
    sensibility_jaccard: Interval
    rationality_jaccard: Interval
    sensibility_share: Interval
    """Share of all turns that a full run would put into the sensibility subset: guesses favour the larger subset."""
    rationality_share: Interval

    def describe(self) -> dict[str, Any]:
        """Return the estimate as JSON holds it."""
        return asdict(self)


def estimate_agreement(
    answered: Floats, audited: Floats, guessed: Floats, n_guessed: int, thresholds: tuple[float, float]
) -> Estimate:
    """Estimate how the subsets agree with those of a full run.

    `answered` (k, 2) are scores the LLM gave, the audit's among them; `audited` (m, 2) what it gave to the m turns of
    the audit, which were drawn by chance among all turns that were not asked for, and `guessed` (m, 2) what had been
    guessed of these. The `n_guessed` turns that are still guesses are like them: each audited turn stands for
    n_guessed / m. Intervals: percentile bootstrap over the audited turns, 95 %.
    """
    n_known, m = len(answered), len(audited)
    known, theirs, ours = (split_turns(one, *thresholds) for one in (answered, audited, guessed))
    if n_guessed == 0:
        exact = [Interval(value, value, value) for value in (0.0, 1.0, 1.0, *(float(part.mean()) for part in known))]
        return Estimate(m, 0, *exact)
    if m == 0:
        return Estimate(0, n_guessed, *[Interval(None)] * 5)
    weights = np.random.default_rng(SEED).multinomial(m, np.full(m, 1 / m), N_RESAMPLES) / m
    weights = np.vstack([np.full((1, m), 1 / m), weights]) * n_guessed
    is_apart = (theirs[0] != ours[0]) | (theirs[1] != ours[1])
    jaccards, shares = [], []
    for column in range(len(DIMENSIONS)):
        inside, (a, b) = int(known[column].sum()), (theirs[column], ours[column])
        with np.errstate(invalid="ignore"):
            jaccards.append(summarise((inside + weights @ (a & b)) / (inside + weights @ (a | b))))
        shares.append(summarise((inside + weights @ a) / (n_known + n_guessed)))
    return Estimate(m, n_guessed, summarise(weights @ is_apart / (n_known + n_guessed)), *jaccards, *shares)


def summarise(values: NDArray[np.float64]) -> Interval:
    """Return the first value with the interval of the others."""
    if not np.isfinite(values).all():
        return Interval(None)
    low, high = np.quantile(values[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(*(round(float(value), 6) for value in (values[0], low, high)))
