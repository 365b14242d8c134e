"""The table of paired tests: one row a pair of systems, one column a metric; and what it lacks, as plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from tasks.evaluation.bootstrap import LEAST_UNITS
from tasks.evaluation.paired import list_missing_controls
from tasks.evaluation.table import HEADINGS, MISSING, SHORT_TABLE, Cell, EvaluationTable, drop_unjudged, make_table

LEVEL = 0.05
FEW_DIALOGUES = f"Fewer than {LEAST_UNITS} dialogues are not tested, and one alone has no interval."
CAPTION = (
    "Differences between systems on the same turns, in brackets their 95 % bootstrap intervals over whole dialogues. "
    f"*: p < {LEVEL:g}, two-sided, adjusted by Holm over the pairs of a metric. {FEW_DIALOGUES}"
)


def make_comparison_table(comparisons: pl.DataFrame, columns: Sequence[str] = SHORT_TABLE) -> EvaluationTable:
    """Return the table of `comparisons.parquet`'s rows: pairs in their fixed order, the metrics named in `columns`."""
    found = {(row["a"], row["b"], row["metric"]): row for row in comparisons.iter_rows(named=True)}
    columns = drop_unjudged(columns, comparisons)
    pairs = comparisons.select("a", "b").unique(maintain_order=True).rows()
    rows = tuple(
        (f"{a} − {b}", tuple(_format_difference(found.get((a, b, name))) for name in columns)) for a, b in pairs
    )
    return EvaluationTable(tuple(HEADINGS[name] for name in columns), rows, CAPTION, "Pair")


def tell_missing_controls(systems: Sequence[str]) -> str:
    """Say which controls a claim about these systems needs and does not have, and how to get them; or nothing."""
    missing = list_missing_controls(systems)
    if not missing:
        return ""
    return (
        f"Not in this table, and needed before anything is claimed: the controls {', '.join(missing)}. "
        f"Where they are named they are trained first: `empathy evaluate {' '.join((*systems, *missing))}`, "
        "with all the other options of this evaluation."
    )


def write_markdown(metrics: pl.DataFrame, comparisons: pl.DataFrame) -> str:
    """Return the whole comparison as Markdown: the systems, their differences, what is missing."""
    tables = [make_table(metrics), *([] if comparisons.is_empty() else [make_comparison_table(comparisons)])]
    missing = tell_missing_controls(metrics["system"].unique(maintain_order=True).to_list())
    return "\n".join([*(table.to_markdown() for table in tables), *([f"**{missing}**\n"] if missing else [])])


def _format_difference(row: Mapping[str, Any] | None) -> Cell:
    if row is None:
        return Cell(MISSING)
    decimals = 0 if abs(row["difference"]) >= 1000 else 1 if abs(row["difference"]) >= 100 else 2
    interval = "" if row["low"] is None else f"{row['low']:+,.{decimals}f}, {row['high']:+,.{decimals}f}"
    return Cell(f"{row['difference']:+,.{decimals}f}{'*' if is_found(row['p_adjusted']) else ''}", interval)


def is_found(p_adjusted: float | None) -> bool:
    """Say whether a paired test finds a difference; where nothing was tested it finds none."""
    return p_adjusted is not None and p_adjusted < LEVEL
