"""Turns to read: some of each subset, and those nearest to a threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from tasks.reporting.blocks import Cell, Searched, Table
from tasks.reporting.chosen import Bounds, Selection
from tasks.reporting.wording import clip
from tasks.schema import Subset

PER_SUBSET, N_FIRST = 24, 3
"""Turns of a subset that can be searched, and those of them that are seen at once."""
COLUMNS = ("subset", "emotion", "prompt", "completion", "sensibility", "rationality", "reason")
HEADINGS = ("Subset", "Scores", "Said before", "Response", "Why")


def show_turns(subsets: pl.LazyFrame, selection: Selection) -> Searched:
    """Return turns of each subset and turns near the boundary, to be read and searched.

    The boundary of calibrated scores is not one of the scores that the turns carry.
    """
    bounds = (None, None) if selection.is_calibrated else selection.bounds
    return Searched("Turns to read", [tabulate_samples(subsets), *tabulate_boundary(subsets, bounds)])


def tabulate_samples(subsets: pl.LazyFrame) -> Table:
    """Return some turns of each subset, in the order of their keys, which are hashes: a fair draw."""
    return tabulate("Some turns of each subset", subsets, "turn_key")


def tabulate_boundary(subsets: pl.LazyFrame, bounds: Bounds) -> Sequence[Table]:
    """Return the turns of each subset whose score is nearest to a threshold, if one is known."""
    margins = [
        (pl.col(name) - bound).abs()
        for name, bound in zip(("sensibility", "rationality"), bounds, strict=True)
        if bound is not None
    ]
    if not margins:
        return []
    near = subsets.with_columns(nearest=pl.min_horizontal(margins), both=pl.sum_horizontal(margins))
    return [tabulate("Turns nearest to a threshold", near, "nearest", "both", "turn_key")]


def tabulate(caption: str, subsets: pl.LazyFrame, *order: str) -> Table:
    """Return the first turns of each subset in an order; a few of each stand before all others."""
    taken = [take(subsets.filter(pl.col("subset") == subset.value), *order) for subset in Subset]
    first = [row for rows in taken for row in rows[:N_FIRST]]
    others = [row for rows in taken for row in rows[N_FIRST:]]
    return Table(caption, HEADINGS, [make_row(row) for row in (*first, *others)], is_text=True, n_first=len(first))


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
