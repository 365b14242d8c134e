"""How far judges agree with a reference, beside what counting words would reach."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tasks.reporting.blocks import Block, Cell, Figure, Table
from tasks.reporting.charts.rows import Row, draw_rows
from tasks.reporting.judges.habits import measure_cell
from tasks.reporting.judges.records import Agreement, Measured
from tasks.reporting.wording import clip, count_of

MEASURES = {"spearman": ("Spearman", 0.0), "auc": ("AUC", 0.5)}
"""What is drawn, and the value that means nothing was found."""


def show_agreement(name: str, record: Measured, axis: str, opening: str = "") -> list[Block]:
    """Return Spearman and AUC of each judge and baseline with one axis of the reference; nothing if it has none.

    `opening` stands before the titles, where a page has several.
    """
    found = [row for row in record.agreement if row.axis == axis]
    if not found:
        return []
    return [show_measure(f"{name}-{key}", key, record, axis, found, opening) for key in MEASURES]


def show_measure(name: str, key: str, record: Measured, axis: str, found: Sequence[Agreement], opening: str) -> Figure:
    """Return one measure of every predictor, judges before baselines."""
    label, origin = MEASURES[key]
    high = record.high.get(axis)
    against = f"{axis} {high.said} against the rest" if key == "auc" and high else axis
    measures = [getattr(row, key) for row in found]
    rows = [
        Row(name_predictor(row), m.value, m.low, m.high, find_colour(row))
        for row, m in zip(found, measures, strict=True)
    ]
    known = [(m.value, name_predictor(row)) for row, m in zip(found, measures, strict=True) if m.value is not None]
    best = f"The highest: {max(known)[1]}, {max(known)[0]:.2f}." if known else "Nothing could be measured."
    return Figure(
        name=name,
        title=f"{opening}{label} with the reference's {clip(against, 60)}",
        description=f"Bar chart of {count_of(len(rows), 'predictor')}, judges and naive baselines. {best}",
        draw=partial(draw_rows, rows, origin, None, ".2~f"),
        numbers=tabulate(f"{opening}agreement with the reference's {axis}", found),
        note=best,
        is_half=True,
        has_picture=True,
    )


def name_predictor(row: Agreement) -> str:
    """Return a judge's score as it is, a baseline in brackets."""
    if row.kind == "baseline":
        return f"({row.predictor})"
    return " ".join(filter(None, [clip(row.judge, 40), row.predictor]))


def find_colour(row: Agreement) -> str:
    """Return a score's own colour; baselines are grey."""
    return row.predictor if row.kind == "judge" and row.predictor in ("sensibility", "rationality") else "discard"


def tabulate(caption: str, found: Sequence[Agreement]) -> Table:
    """Return every measure of every predictor."""
    rows = [
        [Cell(name_predictor(row)), *(measure_cell(m) for m in (row.spearman, row.pearson, row.auc, row.kappa))]
        for row in found
    ]
    return Table(caption, ("Score, (baseline)", "Spearman", "Pearson", "AUC", "Kappa"), rows)
