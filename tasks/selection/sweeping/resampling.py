"""How far a share would move had other dialogues been collected: the bootstrap over whole dialogues."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.selection.sweeping.points import Interval
from tasks.selection.sweeping.texts import Ints

N_RESAMPLES = 1000
SEED = 0
_LOW, _HIGH = 2.5, 97.5

Floats = NDArray[np.floating]


def resample_sums(per_dialogue: Ints) -> Floats:
    """Return (resamples, columns): the sums of per-dialogue counts over as many dialogues, drawn with replacement.

    The turns of a dialogue are drawn together: they are not independent. Dialogues with equal counts are one kind, and
    how often each kind is drawn is multinomial, which is the same as drawing them one by one and far faster.
    Seeded: equal counts give equal sums.
    """
    if not len(per_dialogue):
        return np.zeros((0, per_dialogue.shape[1]), np.float32)
    rng = np.random.default_rng(SEED)
    # each row as one number: two rows that differ meet with a chance of 2^-62
    marks = per_dialogue @ rng.integers(2**62, size=per_dialogue.shape[1])
    _, first, n_alike = np.unique(marks, return_index=True, return_counts=True)
    drawn = rng.multinomial(len(per_dialogue), n_alike / len(per_dialogue), size=N_RESAMPLES)
    return drawn.astype(np.float32) @ per_dialogue[first].astype(np.float32)


def find_interval(values: Floats) -> Interval | None:
    """Return the 95 % percentile interval of a statistic's resamples (Efron and Tibshirani 1993); None of none."""
    if not len(values):
        return None
    low, high = np.percentile(values, (_LOW, _HIGH))
    return round(float(low), 6), round(float(high), 6)
