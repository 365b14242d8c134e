"""The design of an audit: which turns are of special interest, and how likely each turn is drawn.

Four strata have a share of the sample each: turns near the threshold, turns that two judges put into different
subsets, all turns with every emotion alike, and all turns alike. A turn that stands in several has the chances of all,
so no turn has none, and what people say can be weighed back to the corpus.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tasks.judges.cross_validation import split_turns
from tasks.judges.validation.measures import Bools, Floats
from tasks.scoring import DIMENSIONS

if TYPE_CHECKING:
    import polars as pl

    from tasks.judges.audit.thresholds import Bounds

SHARES = {"near": 0.35, "disputed": 0.25, "emotions": 0.2, "random": 0.2}
"""Of the sample; the share of a stratum without a turn goes to the others."""
MARGIN = 1.0
"""Points from its threshold that are near it; a score's own deviation where that is more."""
MOST_NEAR = 0.25
"""Of the turns: of a judge whose deviations reach most of them, the nearest. A stratum of nearly all favours none."""


def find_near(turns: pl.DataFrame, bounds: Bounds) -> Bools:
    """Return which turns (n,) have a score so close to its threshold that the judge may well be wrong of its side.

    At most MOST_NEAR of the turns: the nearest, counted in deviations (or MARGIN); of equal ones those whose other
    score is nearer, then the first.
    """
    distances = []
    for name, bound in zip(DIMENSIONS, bounds, strict=True):
        deviations = turns[f"{name}_sd"].fill_null(0.0).to_numpy()
        distances.append(np.abs(turns[name].to_numpy() - bound) / np.maximum(MARGIN, deviations))
    nearer, farther = np.minimum(*distances), np.maximum(*distances)
    near = np.zeros(len(turns), np.bool_)
    near[np.lexsort((farther, nearer))[: math.ceil(MOST_NEAR * len(turns))]] = True
    return near & (nearer <= 1)


def find_disputed(turns: pl.DataFrame, bounds: Bounds) -> Bools:
    """Return which turns (n,) another judge, where it has a score, puts into another subset by the rule `paper`."""
    ours = turns.select(DIMENSIONS).to_numpy()
    theirs = turns.select(f"other_{name}" for name in DIMENSIONS).fill_null(float("nan")).to_numpy()
    is_known = np.isfinite(theirs).all(axis=1)
    pairs = zip(split_turns(ours, *bounds), split_turns(theirs, *bounds), strict=True)
    return is_known & np.logical_or.reduce([own != other for own, other in pairs])


def count_strata(turns: pl.DataFrame) -> dict[str, int]:
    """Return how many of marked turns stand in each stratum; a turn may stand in two."""
    near, disputed = turns["is_near"], turns["is_disputed"]
    members = {"near a threshold": near, "judges differ": disputed, "neither": ~(near | disputed)}
    return {**{name: int(one.sum()) for name, one in members.items()}, "all": len(turns)}


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
