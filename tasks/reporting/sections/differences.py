"""The paired tests between systems, and the controls that are not there to be tested against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from tasks.evaluation import FEW_DIALOGUES, LEVEL, is_found, tell_missing_controls
from tasks.reporting.blocks import Block, Cell, Prose, Table
from tasks.reporting.palette import style_of
from tasks.reporting.sections.measures import HEADLINE, LABELS
from tasks.reporting.wording import NARROW_SPACE, number_cell

CAPTION = "Differences between systems"
READING = (
    f"Differences are first minus second system on the same turns, in brackets their 95{NARROW_SPACE}% bootstrap "
    f"intervals over whole dialogues. Bold is p < {LEVEL:g}, two-sided, adjusted by Holm over the pairs of a metric. "
    f"{FEW_DIALOGUES}"
)


def list_differences(comparisons: pl.DataFrame | None, systems: list[str]) -> list[Block]:
    """Return the table of paired tests, if there are any, and what the comparison lacks, if it lacks something."""
    missing = tell_missing_controls(systems)
    blocks: list[Block] = [Prose([missing])] if missing else []
    if comparisons is None or comparisons.is_empty():
        return blocks
    metrics = [metric for metric in HEADLINE if metric in comparisons["metric"]]
    found = {(row["a"], row["b"], row["metric"]): row for row in comparisons.iter_rows(named=True)}
    pairs = comparisons.select("a", "b").unique(maintain_order=True).rows()
    rows = [
        [Cell(f"{style_of(a).label} − {style_of(b).label}"), *(make_cell(found.get((a, b, m))) for m in metrics)]
        for a, b in pairs
    ]
    return [Table(CAPTION, ("Pair", *(LABELS[m] for m in metrics)), rows), Prose([READING]), *blocks]


def make_cell(row: Mapping[str, Any] | None) -> Cell:
    """Return one difference with its interval; bold where the test finds it."""
    if row is None:
        return Cell("–")
    low, high, p_adjusted = row["low"], row["high"], row["p_adjusted"]
    interval = "" if low is None or high is None else f"[{number_cell(low).text}, {number_cell(high).text}] "
    p_value = "p –" if p_adjusted is None else f"p {p_adjusted:.3f}"
    return replace(number_cell(row["difference"]), note=f"{interval}{p_value}", is_strong=is_found(p_adjusted))
