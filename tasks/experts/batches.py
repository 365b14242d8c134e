"""Rows in the order they are learned from, decided once from their content, and as padded batches."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from tasks.experts.encoding import MASKED

if TYPE_CHECKING:
    from torch import Tensor

WINDOW = 16
"""Batches whose rows are sorted by length together: little padding, and still a random sample."""


def order_rows(rows: pl.DataFrame, n_steps: int, batch_size: int, seed: int) -> pl.DataFrame:
    """Return n_steps x batch_size rows (turn_key, input_ids, ...): each run of `batch_size` rows is one step.

    Every round goes through all rows in a new random order, and begins again where n_steps asks for more.
    Batches hold rows of similar length, and come in random order. It all depends on the seed and on the
    turns' content only, so the same rows in another order are learned from in the same way.
    """
    n_wanted = n_steps * batch_size
    n_rounds = -(-n_wanted // len(rows))
    rounds = [_shuffle(rows, f"{seed}:round {number}") for number in range(n_rounds)]
    drawn = pl.concat(rounds).head(n_wanted)
    at = pl.int_range(pl.len())
    by_length = drawn.with_columns(_window=at // (WINDOW * batch_size), _length=pl.col("input_ids").list.len())
    batched = by_length.sort("_window", "_length", maintain_order=True).with_columns(_batch=at // batch_size)
    order = [hashlib.sha256(f"{seed}:batch {number}".encode()).hexdigest() for number in range(n_steps)]
    shuffled = pl.DataFrame({"_batch": range(n_steps), "_order": order}, schema_overrides={"_batch": pl.Int64})
    joined = batched.join(shuffled, on="_batch", maintain_order="left")
    return joined.sort("_window", "_order", maintain_order=True).select(rows.columns)


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


def _shuffle(rows: pl.DataFrame, salt: str) -> pl.DataFrame:
    hashes = [hashlib.sha256(f"{salt}:{key}".encode()).hexdigest() for key in rows["turn_key"]]
    return rows.with_columns(_hash=pl.Series(hashes, dtype=pl.String)).sort("_hash", "dialogue_id").drop("_hash")
