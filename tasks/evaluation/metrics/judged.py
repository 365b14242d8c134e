"""What a judge thinks of the responses: the mean of its scores from 0 to 10."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.evaluation.metrics.additive import AdditiveMetric, divide


def measure_mean(values: Sequence[float]) -> AdditiveMetric:
    """Return the mean of one value a turn, on the scale that they have."""
    columns = np.column_stack([np.asarray(values, float), np.ones(len(values))])
    return AdditiveMetric(columns, lambda sums: divide(sums[..., 0], sums[..., 1]))
