"""The design of an audit: which turns are of special interest, and how likely each turn is drawn.

Four strata have a share of the sample each: turns near the threshold, turns that two judges put into different
subsets, all turns with every emotion alike, and all turns alike. A turn that stands in several has the chances of all,
so no turn has none, and what people say can be weighed back to the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tasks.judges.cross_validation import split_turns
from tasks.judges.validation.measures import Bools, Floats
from tasks.scoring import DIMENSIONS

if TYPE_CHECKING:
    import polars as pl

SHARES = {"near": 0.35, "disputed": 0.25, "emotions": 0.2, "random": 0.2}
"""Of the sample; the share of a stratum without a turn goes to the others."""
MARGIN = 1.0
"""Points from the threshold that are near it; a score's own deviation where that is more."""


def find_near(turns: pl.DataFrame, threshold: float) -> Bools:
    """Return which turns (n,) have a score so close to the threshold that the judge may well be wrong of its side."""
    near = np.zeros(len(turns), np.bool_)
    for name in DIMENSIONS:
        scores = turns[name].to_numpy()
        deviations = turns[f"{name}_sd"].fill_null(0.0).to_numpy()
        near |= np.abs(scores - threshold) <= np.maximum(MARGIN, deviations)
    return near


def find_disputed(turns: pl.DataFrame, threshold: float) -> Bools:
    """Return which turns (n,) another judge, where it has a score, puts into another subset by the rule `paper`."""
    ours = turns.select(DIMENSIONS).to_numpy()
    theirs = turns.select(f"other_{name}" for name in DIMENSIONS).fill_null(float("nan")).to_numpy()
    is_known = np.isfinite(theirs).all(axis=1)
    pairs = zip(split_turns(ours, threshold), split_turns(theirs, threshold), strict=True)
    return is_known & np.logical_or.reduce([own != other for own, other in pairs])


def set_probabilities(near: Bools, disputed: Bools, emotions: Sequence[str], n: int) -> Floats:
    """Return the chance (N,) of each turn to be one of the n that are drawn; the chances sum to n.

    Proportional to the sum over strata of share / size, an emotion's turns sharing alike in what falls to each emotion.
    """
    n_turns = len(near)
    if n >= n_turns:
        return np.ones(n_turns)
    names, codes = np.unique(np.asarray(emotions, dtype=str), return_inverse=True)
    of_emotion = 1 / (len(names) * np.bincount(codes)[codes])
    sizes = SHARES["random"] / n_turns + SHARES["emotions"] * of_emotion
    for name, members in (("near", near), ("disputed", disputed)):
        sizes = sizes + SHARES[name] * members / max(1, int(members.sum()))
    return scale_to_sum(sizes, n)


def scale_to_sum(sizes: Floats, n: int) -> Floats:
    """Return probabilities (N,) in proportion to sizes that sum to n < N; what would exceed 1 is certain."""
    is_certain = np.zeros(len(sizes), np.bool_)
    while True:
        chances = (n - is_certain.sum()) * sizes / sizes[~is_certain].sum()
        exceeds = ~is_certain & (chances >= 1)
        if not exceeds.any():
            return np.where(is_certain, 1.0, chances)
        is_certain |= exceeds
