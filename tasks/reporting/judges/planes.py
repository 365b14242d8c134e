"""Where judges put turns: the plane of one judge's two scores, and two sources of scores against each other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tasks.reporting.blocks import Figure, Table
from tasks.reporting.charts.bubbles import draw_bubbles
from tasks.reporting.charts.heatmap import draw_heatmap
from tasks.reporting.chosen import Bounds
from tasks.reporting.judges.records import Measure
from tasks.reporting.wording import clip, count_cell, count_of, number_cell

Cells = Sequence[tuple[float, float, int]]
"""Two values and how many turns have them."""
UNBOUND: Bounds = (None, None)


def show_plane(name: str, judge: str, cells: Cells, step: float = 1, bounds: Bounds = UNBOUND) -> Figure:
    """Return the heat map of a judge's pairs of scores, with the thresholds of a selection if it has some."""
    sensibility, rationality, most = max(cells, key=lambda cell: cell[2])
    digits, n = 0 if step == 1 else 1, sum(count for *_, count in cells)
    return Figure(
        name=name,
        title=clip(judge, 60),
        description=f"Heat map of {len(cells)} pairs of scores by {clip(judge, 60)}; the most frequent is sensibility "
        f"{sensibility:g} with rationality {rationality:g}, {most:,} of {n:,} turns.",
        draw=partial(draw_heatmap, cells, step, bounds, "threshold"),
        numbers=Table(f"Turns by pair of scores, {clip(judge, 60)}", ("Sensibility", "Rationality", "Turns"),
                      [[number_cell(s, digits), number_cell(r, digits), count_cell(c)] for s, r, c in cells]),
        note=f"{count_of(n, 'turn')}.",
        is_half=True,
        has_picture=True,
    )  # fmt: skip


def show_pair(
    name: str, title: str, names: tuple[str, str], cells: Cells, colour: str, measures: dict[str, Measure],
    top: tuple[float, float] | None = None,
) -> Figure:  # fmt: skip
    """Return how often each pair of values of two sources stands, with the measures of their agreement."""
    x, y = (clip(one, 60) for one in names)
    n = sum(n for *_, n in cells)
    agreement = "; ".join(f"{label} {tell(measure)}" for label, measure in measures.items())
    return Figure(
        name=name,
        title=clip(title, 120),
        description=f"Bubble chart of {len(cells)} pairs of values, {x} across and {y} upwards, over {n:,} turns. "
        f"{agreement}.",
        draw=partial(draw_bubbles, cells, (x, y), top, colour),
        numbers=Table(f"Turns by pair of values, {x} and {y}", (x, y, "Turns"),
                      [[number_cell(a, 0), number_cell(b, 0 if b == int(b) else 2), count_cell(c)]
                       for a, b, c in cells]),
        note=f"{agreement}. {n:,} turns; whole scores, a circle's area is the number of turns.",
        is_half=True,
        has_picture=True,
    )  # fmt: skip


def tell(measure: Measure) -> str:
    """Return a measure with its interval as text."""
    if measure.value is None:
        return f"not measured ({measure.why or 'no value'})"
    span = "" if measure.low is None or measure.high is None else f" ({measure.low:.2f} to {measure.high:.2f})"
    return f"{measure.value:.2f}{span}"
