"""Rows of tokens as padded batches, and a look at a few of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from tasks.experts import MASKED

if TYPE_CHECKING:
    from torch import Tensor, device

N_SAMPLED = 64
"""Rows on which gates are looked at, or aimed; enough for a mean, and seconds on two cores."""


def collate(rows: Sequence[Mapping[str, Sequence[int]]], pad_id: int) -> dict[str, Tensor]:
    """Return rows of `input_ids` and `labels` as one batch, padded on the right: (rows, tokens) each.

    The mask comes from lengths, as the padding token may be one that ends a response.
    """
    from torch import tensor

    longest = max(len(row["input_ids"]) for row in rows)

    def pad(values: Sequence[int], filler: int) -> list[int]:
        return [*values, *[filler] * (longest - len(values))]

    return {
        "input_ids": tensor([pad(row["input_ids"], pad_id) for row in rows]),
        "attention_mask": tensor([pad([1] * len(row["input_ids"]), 0) for row in rows]),
        "labels": tensor([pad(row["labels"], MASKED) for row in rows]),
    }


def sample_batches(rows: pl.DataFrame, pad_id: int, batch_size: int, where: device) -> Iterator[dict[str, Tensor]]:
    """Yield the batches of a sample of the rows; the same one in whatever order they come (turn keys are hashes)."""
    sample = rows.sort("turn_key", "dialogue_id").head(N_SAMPLED).sort(pl.col("input_ids").list.len())
    for part in sample.iter_slices(batch_size):
        batch = collate(part.to_dicts(), pad_id)
        yield {name: values.to(where) for name, values in batch.items()}
