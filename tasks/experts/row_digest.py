"""What rows say, as one digest: whoever learns from equal rows has learned the same, wherever they stood."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import polars as pl

from tasks.schema import canonical_json

LEARNED = ("dialogue_id", "turn_key", "prompt", "completion")
"""All that a training sees of a turn: scores and reasons choose the rows and teach nothing."""


def digest_rows(rows: pl.DataFrame, columns: Sequence[str] = LEARNED) -> str:
    """Return the sha256 over the sorted hashes of the rows: their order changes nothing, a row twice does."""
    hashes = sorted(hashlib.sha256(canonical_json(row)).hexdigest() for row in rows.select(columns).iter_rows())
    return hashlib.sha256("".join(hashes).encode()).hexdigest()
