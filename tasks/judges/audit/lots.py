"""A draw with given probabilities and of a fixed size, the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.judges.validation.measures import Floats


def cast_lots(keys: Sequence[str], purpose: str, seed: int) -> Floats:
    """Return a number (n,) in [0, 1) for each key, a function of key, purpose and seed."""
    digests = (hashlib.sha256(f"{purpose}:{seed}:{key}".encode()).digest() for key in keys)
    return np.array([int.from_bytes(digest[:6], "big") for digest in digests], np.float64) / 2**48


def draw_systematically(probabilities: Floats, start: float) -> NDArray[np.int64]:
    """Return the places (n,) drawn, each turn with exactly its probability: systematic sampling (Madow 1949).

    A turn is drawn where the running sum of the probabilities passes start, start + 1, ...; `start` is uniform in
    [0, 1). Neighbours are hardly drawn together, so an order by kinds of turns spreads the draw over the kinds.
    """
    is_certain = probabilities >= 1
    rest = np.flatnonzero(~is_certain)
    bounds = np.cumsum(probabilities[rest])
    n = round(float(bounds[-1])) if len(bounds) else 0
    if n == 0:
        return np.flatnonzero(is_certain)
    passed = np.searchsorted(bounds * (n / bounds[-1]), start + np.arange(n), side="right")
    return np.sort(np.concatenate([np.flatnonzero(is_certain), rest[np.minimum(passed, len(rest) - 1)]]))
