"""How much of the scale scores use: how many turns get the same one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from tasks.reporting.blocks import Cell, Figure, Table
from tasks.reporting.charts.rows import Row, draw_rows
from tasks.reporting.judges.records import DIMENSIONS, Comparison, Saturation, Validation
from tasks.reporting.wording import clip, count_of, number_cell, share_text

READING = (
    "Share: of the turns, those with the most common whole score. Entropy: of the eleven whole scores; 0 if all turns "
    "have one score, 1 if all eleven are as common."
)


class Use(NamedTuple):
    """How one source of scores uses the scale of one score."""

    source: str
    dimension: str
    found: Saturation


def list_uses(record: Validation | Comparison) -> list[Use]:
    """Return what the judges, and a reference on the same scale, use of each score, score by score."""
    if isinstance(record, Comparison):
        sources = record.saturation
    else:
        theirs: dict[str, Saturation] = {
            d: record.saturation[key] for d in DIMENSIONS if (key := f"reference_{d}") in record.saturation
        }
        sources = {record.judge: record.saturation, record.reference or "the reference": theirs}
    return [Use(clip(name, 60), d, of[d]) for d in DIMENSIONS for name, of in sources.items() if d in of]


def draw_saturation(name: str, uses: Sequence[Use], is_half: bool) -> Figure:
    """Return the share of each source's most common score, under the heading of the score."""
    rows: list[Row] = []
    for dimension in DIMENSIONS:
        of_score = [use for use in uses if use.dimension == dimension]
        rows += [Row(dimension.capitalize(), is_heading=True)] if of_score else []
        rows += [Row(use.source, use.found.modal_share, colour=dimension) for use in of_score]
    most = max(uses, key=lambda use: use.found.modal_share)
    said = f"The most saturated: {most.dimension} of {most.source}, "
    said += f"{most.found.modal_share:.1%} of the turns have {most.found.mode}."
    return Figure(
        name=name,
        title="Turns with the most common score",
        description=f"Bar chart of {count_of(len(uses), 'share')}. {said}",
        draw=partial(draw_rows, rows, 0, (0, 1), "%"),
        note=said,
        is_half=is_half,
        has_picture=True,
    )


def tabulate_saturation(uses: Sequence[Use], opening: str = "") -> Table:
    """Return how each source uses the scale of each score."""
    rows = [
        [Cell(source), Cell(dimension), number_cell(found.mean), number_cell(found.sd), number_cell(found.mode, 0),
         Cell(share_text(round(found.modal_share * 10_000), 10_000), found.modal_share), number_cell(found.entropy)]
        for source, dimension, found in uses
    ]  # fmt: skip
    columns = ("Scores of", "Score", "Mean", "Standard deviation", "Most common", "Its share", "Entropy")
    return Table(f"{opening}Use of the scale", columns, rows, note=READING)
