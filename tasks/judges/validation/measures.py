"""Measures of agreement as functions of weights: how often each turn counts.

With ones a measure is what a textbook says; with the counts of a bootstrap's draws it is that of the resample, without
a row being copied or sorted again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Statistic = Callable[[Floats], Floats]
"""From weights (b, n) to values (b,); not a number where a resample leaves the measure undefined."""

TINY = 1e-20
"""Below it a variance is that of rounding."""


class UndefinedError(ValueError):
    """A measure is not defined for these values; the message says why."""


class MidRanks:
    """Ranks of values with ties at their middle, for any weights."""

    def __init__(self, values: Floats) -> None:
        _, self.codes, counts = np.unique(values, return_inverse=True, return_counts=True)
        self.order = np.argsort(self.codes, kind="stable")
        self.starts = np.cumsum(counts) - counts

    def rank(self, weights: Floats) -> Floats:
        """Return (b, n): the weight below each turn's value and half of that at it."""
        per_value = np.add.reduceat(weights[:, self.order], self.starts, axis=1)
        return np.asarray((np.cumsum(per_value, axis=1) - per_value / 2)[:, self.codes])


def count_effective(weights: Floats) -> float | None:
    """Return how many turns (n,) drawn alike would say as much of a mean (Kish 1965); None without any."""
    return round(float(weights.sum() ** 2 / (weights**2).sum()), 1) if len(weights) else None


def make_spearman(x: Floats, y: Floats) -> Statistic:
    """Return Spearman's rank correlation: Pearson's of the mid-ranks (Spearman 1904)."""
    refuse_constant(x, y)
    ranks = MidRanks(x), MidRanks(y)
    return lambda weights: correlate(weights, *(one.rank(weights) for one in ranks))


def make_pearson(x: Floats, y: Floats) -> Statistic:
    """Return Pearson's correlation (Pearson 1895)."""
    refuse_constant(x, y)
    x, y = x - x.mean(), y - y.mean()
    return lambda weights: correlate(weights, x, y)


def make_auc(x: Floats, positive: Bools) -> Statistic:
    """Return the area under the ROC curve: the chance that a positive turn outranks another (Hanley, McNeil 1982)."""
    if positive.all() or not positive.any():
        raise UndefinedError("all turns are on one side")
    ranks, sides = MidRanks(x), positive.astype(np.float64)

    def measure(weights: Floats) -> Floats:
        n_above = weights @ sides
        rest = weights.sum(axis=1) - n_above
        with np.errstate(invalid="ignore", divide="ignore"):
            return ((weights * ranks.rank(weights)) @ sides - n_above**2 / 2) / (n_above * rest)

    return measure


def make_kappa(x: Floats, y: Floats) -> Statistic:
    """Return Cohen's kappa with quadratic weights (Cohen 1968) of scores rounded to whole numbers.

    Observed and expected disagreement are means of squared distances, so both follow from means:
    1 - E(x - y)^2 / (E x^2 + E y^2 - 2 E x E y).
    """
    x, y = np.rint(x), np.rint(y)
    if np.ptp(np.concatenate([x, y])) == 0:
        raise UndefinedError("both give one and the same score only")

    def measure(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        mean_x, mean_y, squares, distance = (weights @ v / total for v in (x, y, x**2 + y**2, (x - y) ** 2))
        expected = squares - 2 * mean_x * mean_y
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(expected > TINY, 1 - distance / expected, np.nan)

    return measure


def make_jaccard(a: Bools, b: Bools) -> Statistic:
    """Return |A and B| / |A or B| of two sets of turns."""
    either, both = (a | b).astype(np.float64), (a & b).astype(np.float64)
    if not either.any():
        raise UndefinedError("neither has a turn in it")
    return lambda weights: divide(weights @ both, weights @ either)


def make_alpha(scores: Floats) -> Statistic:
    """Return Krippendorff's alpha for interval data (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability").

    `scores` is (n turns, m judges), NaN where a judge gave none. The mean squared distance of the pairs of a sample is
    twice its variance, so alpha = 1 - sum_u m_u s_u^2 / (N s^2), over turns u with m_u >= 2 scores of variance s_u^2,
    s^2 being that of all N scores.
    """
    there = np.isfinite(scores)
    there &= there.sum(axis=1, keepdims=True) >= 2
    if not there.any():
        raise UndefinedError("no turn has two scores")
    filled = np.where(there, scores - scores[there].mean(), 0.0)
    if np.ptp(filled[there]) == 0:
        raise UndefinedError("all scores are one and the same")
    n_scores, sums, squares = there.sum(axis=1).astype(np.float64), filled.sum(axis=1), (filled**2).sum(axis=1)
    apart = np.maximum(n_scores, 2)
    within = n_scores * (squares - sums**2 / apart) / (apart - 1)

    def measure(weights: Floats) -> Floats:
        total, mean_sum = weights @ n_scores, weights @ sums
        spread = (weights @ squares - mean_sum**2 / total) / (total - 1)
        return np.where(spread > TINY, 1 - divide(weights @ within, total * spread), np.nan)

    return measure


def correlate(weights: Floats, x: Floats, y: Floats) -> Floats:
    """Return (b,) weighted correlations of values (n,) or (b, n)."""
    total = weights.sum(axis=1, keepdims=True)
    dx, dy = (v - (weights * v).sum(axis=1, keepdims=True) / total for v in (x, y))
    weighted_x = weights * dx
    spread = (weighted_x * dx).sum(axis=1) * (weights * dy * dy).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > TINY, (weighted_x * dy).sum(axis=1) / np.sqrt(spread), np.nan)


def divide(a: Floats, b: Floats) -> Floats:
    """Return a / b, not a number where b is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(b != 0, a / b, np.nan)


def refuse_constant(x: Floats, y: Floats) -> None:
    """Raise UndefinedError where a correlation is none."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise UndefinedError("one of the two does not vary")
