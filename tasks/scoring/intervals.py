"""From a prediction to an interval that holds the teacher's score with a stated coverage: split conformal, in bins.

Predictions are cut into bins of equally many calibration turns, and each is calibrated by itself (Vovk, "Conditional
validity of inductive conformal predictors", 2012), so that low and high predictions are covered alike. Turns that were
predicted out of fold make it cross-conformal (Vovk, 2015), and the shortest interval is a choice made on the very turns
that calibrate it: no guarantee is left, and the coverage is measured on dialogues outside. A teacher of whole scores
comes in lumps, so that intervals hold rather more than they state. With a teacher of fractions they hold rather less:
of 90 % stated, 88.1, 88.8 and 89.4 % in a simulation with 300, 1,000 and 5,700 turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

COVERAGE = 0.9
TURNS_A_BIN = 100
"""Fewer make a 90 % interval of single turns' luck."""
MAX_BINS = 10


@dataclass(frozen=True)
class IntervalMap:
    """Bounds of bins of predictions: `low` and `high` (b), and `cuts` (b - 1) between the bins."""

    cuts: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]

    def bound(
        self, predictions: NDArray[np.float64], scores: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the bounds (low, high) of each prediction's interval, widened where needed to hold its score."""
        bins = np.searchsorted(self.cuts, predictions, side="right")
        return np.minimum(self.low[bins], scores), np.maximum(self.high[bins], scores)


def fit_interval_map(
    predictions: NDArray[np.float64], teacher: NDArray[np.float64], coverage: float = COVERAGE
) -> IntervalMap:
    """Fit the intervals on predictions for turns the model has not seen, both of shape (n,).

    In a bin of n turns the interval is the shortest that holds ceil((n + 1) coverage) of the teacher's scores; where
    that is more than there are, it holds every score there is. Choosing the shortest costs some of that coverage.
    """
    order = np.argsort(predictions, kind="stable")
    parts = np.array_split(order, min(MAX_BINS, max(1, len(predictions) // TURNS_A_BIN)))
    whole = float(teacher.min()), float(teacher.max())
    bounds = np.array([find_shortest(np.sort(teacher[part]), coverage) or whole for part in parts], np.float32)
    # A higher prediction never has a lower bound: what contradicts it is noise, and is taken to the wider side.
    low, high = np.minimum.accumulate(bounds[::-1, 0])[::-1], np.maximum.accumulate(bounds[:, 1])
    ends = [(predictions[left[-1]] + predictions[right[0]]) / 2 for left, right in pairwise(parts)]
    return IntervalMap(np.array(ends, np.float32), low, high)


def find_shortest(ordered: NDArray[np.float64], coverage: float) -> tuple[float, float] | None:
    """Return the shortest interval that conformally covers scores in ascending order; None where they are too few.

    Of equally short ones the one that holds most scores is taken.
    """
    needed = int(np.ceil((len(ordered) + 1) * coverage - 1e-9))
    if needed > len(ordered):
        return None
    lows, highs = ordered[: len(ordered) - needed + 1], ordered[needed - 1 :]
    held = np.searchsorted(ordered, highs, side="right") - np.searchsorted(ordered, lows, side="left")
    best = np.lexsort((-held, highs - lows))[0]
    return float(lows[best]), float(highs[best])
