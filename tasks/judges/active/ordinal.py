"""The distribution of a teacher's score given what a regression predicts, one logistic curve a level of the scale.

P(score >= level | z) = 1 / (1 + exp(-(a_level + b_level . z))) for every level (cumulative logits, McCullagh 1980, here
each with a slope of its own), made to fall with the level. The median of that distribution is the score that is off by
least, and puts a turn on the side of a threshold where it more likely is; its quantiles are an interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.scoring import COVERAGE

MAX_LEVELS = 21
"""A teacher of fractions has many values; a curve each would say no more."""
PENALTY = 1.0
"""Inverse strength of the ridge penalty on standardised predictions (scikit-learn's C)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Logistic:
    """P(yes) = 1 / (1 + exp(-(intercept + z . slopes))), for z standardised by `mean` and `spread`."""

    mean: Floats
    spread: Floats
    slopes: Floats
    intercept: float

    def predict(self, z: Floats) -> Floats:
        """Return the chances (n,) of rows z (n, d)."""
        from scipy.special import expit

        return np.asarray(expit(self.intercept + (z - self.mean) / self.spread @ self.slopes), np.float64)


def fit_logistic(z: Floats, is_yes: NDArray[np.bool_]) -> Logistic:
    """Fit one curve; where all rows say the same, the chance is the same everywhere, and never quite certain."""
    mean, spread = z.mean(axis=0), z.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    n_yes = int(is_yes.sum())
    if not 0 < n_yes < len(is_yes):
        return Logistic(mean, spread, np.zeros(z.shape[1]), float(np.log((n_yes + 0.5) / (len(is_yes) - n_yes + 0.5))))
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=PENALTY, max_iter=500).fit((z - mean) / spread, is_yes)
    return Logistic(mean, spread, model.coef_[0], float(model.intercept_[0]))


@dataclass(frozen=True)
class Predicted:
    """What is to be expected of n scores, each array of shape (n,)."""

    median: Floats
    low: Floats
    high: Floats
    deviation: Floats
    """Root mean square distance from the median."""


@dataclass(frozen=True)
class OrdinalHead:
    """Levels (k), rising, and the curves (k - 1) of reaching each but the lowest."""

    levels: Floats
    curves: tuple[Logistic, ...]

    def predict(self, z: Floats) -> Predicted:
        """Return median, interval of COVERAGE and deviation for predictions z (n, d)."""
        reached = np.column_stack([np.ones(len(z)), *(curve.predict(z) for curve in self.curves)])
        reached = np.minimum.accumulate(reached, axis=1)
        tail = (1 - COVERAGE) / 2
        median, low, high = (self.levels[(reached >= chance).sum(axis=1) - 1] for chance in (0.5, 1 - tail, tail))
        chances = reached - np.column_stack([reached[:, 1:], np.zeros(len(z))])
        deviation = np.sqrt((chances * (self.levels - median[:, None]) ** 2).sum(axis=1))
        return Predicted(median, low, high, deviation)


def fit_ordinal(z: Floats, scores: Floats, thresholds: Sequence[float]) -> OrdinalHead:
    """Fit the distribution of scores (n,) given predictions z (n, d) that were made without their turns.

    The levels are the scores there are; of many, quantiles, and the nearest scores below, at and above each threshold.
    """
    levels = choose_levels(scores, thresholds)
    return OrdinalHead(levels, tuple(fit_logistic(z, scores >= level) for level in levels[1:]))


def choose_levels(scores: Floats, thresholds: Sequence[float]) -> Floats:
    """Return the levels of a scale, rising."""
    values = np.unique(scores)
    if len(values) <= MAX_LEVELS:
        return values
    chosen = set(np.quantile(values, np.linspace(0, 1, MAX_LEVELS), method="nearest").tolist())
    for threshold in thresholds:
        chosen.update(values[values < threshold][-1:].tolist())
        chosen.update(values[values > threshold][:1].tolist())
        chosen.update(values[values == threshold].tolist())
    return np.array(sorted(chosen))
