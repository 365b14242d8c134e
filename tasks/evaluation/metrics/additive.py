"""A metric as sums over turns: the one shape that gives a value, its resamples and paired differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AdditiveMetric:
    """What every turn adds to a metric, and how the sums become its value."""

    columns: Floats
    """Shape [n_turns, k]: the k numbers each turn adds."""

    combine: Callable[[Floats], Floats]
    """Sums of shape [..., k] to values of shape [...]."""

    @property
    def n_turns(self) -> int:
        """How many turns the metric was measured on."""
        return len(self.columns)

    @property
    def value(self) -> float:
        """The metric over all turns, each counted once."""
        return float(self.combine(self.columns.sum(axis=0)))


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """Return the quotient, and 0 where nothing was counted."""
    numerator, denominator = np.asarray(numerator, float), np.asarray(denominator, float)
    return np.divide(numerator, denominator, out=np.zeros(denominator.shape), where=denominator > 0)
