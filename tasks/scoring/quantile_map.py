"""From a prediction to a score: the map that gives predictions the distribution of the teacher's scores.

A regression shrinks towards the mean, so its raw predictions do not reach the thresholds that the
teacher's scores pass. The map sends the q-quantile of the predictions to the q-quantile of the
teacher's scores: a step function where the teacher gives whole numbers, so that `> t`, `= t` and
`< t` have the teacher's shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_STEPS = 101
PRIOR_COUNT = 20
"""Weight of the overall error in the error of one step, in turns: a rare step is not trusted alone."""


@dataclass(frozen=True)
class QuantileMap:
    """A monotone step function: `values` (m), ascending; `cuts` (m - 1) between them; errors (m) of each step."""

    values: NDArray[np.float32]
    cuts: NDArray[np.float32]
    deviations: NDArray[np.float32]

    def find_steps(self, predictions: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the step, 0 to m - 1, that each prediction falls on."""
        return np.searchsorted(self.cuts, predictions, side="right")


def fit_quantile_map(predictions: NDArray[np.float64], teacher: NDArray[np.float64]) -> QuantileMap:
    """Fit the map on predictions for turns the model has not seen, both of shape (n,).

    `deviations` are root mean square differences between the teacher's score and the mapped one.
    """
    values = np.unique(teacher)
    if len(values) > MAX_STEPS:  # a teacher of fractions: one step a percent
        values = np.unique(np.quantile(teacher, np.linspace(0, 1, MAX_STEPS), method="nearest"))
    # Where the teacher's share up to a value ends, the predictions are cut: at the mean of the neighbours.
    ends = np.searchsorted(np.sort(teacher), values[:-1], side="right")
    ordered = np.sort(predictions)
    cuts = ((ordered[ends - 1] + ordered[ends]) / 2).astype(np.float32)
    steps = np.searchsorted(cuts, predictions, side="right")
    errors = (teacher - values[steps]) ** 2
    sums = np.bincount(steps, errors, minlength=len(values)) + PRIOR_COUNT * errors.mean()
    counts = np.bincount(steps, minlength=len(values)) + PRIOR_COUNT
    return QuantileMap(values.astype(np.float32), cuts, np.sqrt(sums / counts).astype(np.float32))
