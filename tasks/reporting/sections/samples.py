"""Turns to read: some of each subset, and those nearest to a threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from tasks.reporting.blocks import Block, Cell, Table
from tasks.reporting.wording import clip
from tasks.schema import Subset

PER_SUBSET = 3
COLUMNS = ("subset", "emotion", "prompt", "completion", "sensibility", "rationality", "reason")
HEADINGS = ("Subset", "Scores", "Said before", "Response", "Why")


def tabulate_samples(subsets: pl.LazyFrame) -> Table:
    """Return a few turns of each subset, in the order of their keys, which are hashes: a fair draw."""
    rows = [row for subset in Subset for row in take(subsets.filter(pl.col("subset") == subset.value), "turn_key")]
    return Table("Some turns of each subset", HEADINGS, [make_row(row) for row in rows], is_text=True)


def tabulate_boundary(subsets: pl.LazyFrame, thresholds: tuple[float, float] | None) -> Sequence[Block]:
    """Return the turns of each subset whose score is nearest to a threshold, if these are known."""
    if thresholds is None:
        return []
    margins = (pl.col("sensibility") - thresholds[0]).abs(), (pl.col("rationality") - thresholds[1]).abs()
    near = subsets.with_columns(nearest=pl.min_horizontal(margins), both=pl.sum_horizontal(margins))
    rows = [
        row
        for subset in Subset
        for row in take(near.filter(pl.col("subset") == subset.value), "nearest", "both", "turn_key")
    ]
    return [Table("Turns nearest to a threshold", HEADINGS, [make_row(row) for row in rows], is_text=True)]


def take(frame: pl.LazyFrame, *order: str) -> list[dict[str, Any]]:
    """Return the first rows in an order; only the columns that are shown are read for them."""
    return frame.sort(*order).head(PER_SUBSET).select(COLUMNS).collect().to_dicts()


def make_row(row: Mapping[str, Any]) -> list[Cell]:
    """Return one turn as cells: subset, scores, the last thing said before, response, reason."""
    return [
        Cell(row["subset"].capitalize(), note=clip(row["emotion"], 40), swatch=row["subset"]),
        Cell(f"S {row['sensibility']:.4g}, R {row['rationality']:.4g}"),
        say_before(row["prompt"]),
        Cell(clip(row["completion"][0]["content"])),
        Cell(row["reason"]),
    ]


def say_before(prompt: Sequence[Mapping[str, str]]) -> Cell:
    """Return the last message before a response, and how many came before that."""
    earlier = sum(message["role"] != "system" for message in prompt) - 1
    note = f"after {earlier} earlier message{'' if earlier == 1 else 's'}" if earlier > 0 else ""
    return Cell(clip(prompt[-1]["content"]), note=note)
