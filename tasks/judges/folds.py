"""Folds that keep a dialogue whole: no dialogue stands on both sides of a split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def assign_folds(dialogue_ids: Sequence[str], n_folds: int) -> NDArray[np.int64]:
    """Return a fold, 0 to n_folds - 1, for each row; a function of the set of ids, whatever their order."""
    distinct = sorted(set(dialogue_ids), key=lambda name: hashlib.sha256(name.encode()).digest())
    fold_of = {name: position % n_folds for position, name in enumerate(distinct)}
    return np.array([fold_of[name] for name in dialogue_ids], np.int64)
