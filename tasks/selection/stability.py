"""How far two distributions over the same bins lie apart, and how far chance alone puts them."""

from __future__ import annotations

import math
from collections.abc import Sequence

NOTICE, SHIFT = 0.1, 0.25
"""From where a population has changed a little, and from where it is another (Siddiqi 2006, Credit Risk Scorecards)."""
CHANCE = 0.001
"""How often an index may lie above `chance_index` where nothing has changed."""
_HALF_A_TURN = 0.5


def stability_index(before: Sequence[int], now: Sequence[int]) -> float | None:
    """Return the population stability index of two counts over the same bins: sum of (p - q) ln(p / q); 0 if equal.

    An empty bin counts as half a turn, so that the logarithm exists and a large selection feels it less. None where
    either has no turns. (Siddiqi 2006; the symmetric divergence of Kullback and Leibler 1951.)
    """
    n_before, n_now = sum(before), sum(now)
    if not n_before or not n_now:
        return None
    pairs = [
        (max(b, _HALF_A_TURN) / n_before, max(a, _HALF_A_TURN) / n_now)
        for b, a in zip(before, now, strict=True)
        if a or b
    ]
    return math.fsum((p - q) * math.log(p / q) for q, p in pairs)


def chance_index(before: Sequence[int], now: Sequence[int]) -> float:
    """Return the index that two samples of one population exceed once in `1 / CHANCE` times; infinite without turns.

    Under no change the index over (1/n + 1/m) follows chi-square with bins - 1 degrees of freedom (Yurdakul and
    Naranjo 2020, Statistical properties of the population stability index); bins empty in both are none.
    """
    from scipy.special import chdtri

    n_before, n_now = sum(before), sum(now)
    if not n_before or not n_now:
        return math.inf
    n_bins = sum(1 for b, a in zip(before, now, strict=True) if a or b)
    return float(chdtri(n_bins - 1, CHANCE)) * (1 / n_before + 1 / n_now) if n_bins > 1 else 0.0
