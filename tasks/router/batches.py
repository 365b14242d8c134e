"""A look at a few of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from tasks.experts import collate

if TYPE_CHECKING:
    from torch import Tensor, device

N_SAMPLED = 64
"""Rows on which gates are looked at, or aimed; enough for a mean, and seconds on two cores."""


def sample_batches(rows: pl.DataFrame, pad_id: int, batch_size: int, where: device) -> Iterator[dict[str, Tensor]]:
    """Yield the batches of a sample of the rows; the same one in whatever order they come (turn keys are hashes)."""
    sample = rows.sort("turn_key", "dialogue_id").head(N_SAMPLED).sort(pl.col("input_ids").list.len())
    for part in sample.iter_slices(batch_size):
        batch = collate(part.to_dicts(), pad_id)
        yield {name: values.to(where) for name, values in batch.items()}
