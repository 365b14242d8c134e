"""What the scores cost and how long the judge took to answer, over time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tasks.reporting.blocks import Block, Cell, Figure, Table
from tasks.reporting.calls import CallDay
from tasks.reporting.charts.calls import draw_calls
from tasks.reporting.wording import count_cell, count_of, number_cell

Lines = dict[str, list[tuple[str, float]]]


def describe_calls(calls: Sequence[CallDay]) -> list[Block]:
    """Return cost and latency of each day, drawn where there are two or more; nothing where nobody was called."""
    if not calls:
        return []
    cost: Lines = {"Cost": [(day.day, day.cost_usd) for day in calls if day.cost_usd is not None]}
    latency: Lines = {
        "Median": [(day.day, day.latency_p50_s) for day in calls if day.latency_p50_s is not None],
        "95th percentile": [(day.day, day.latency_p95_s) for day in calls if day.latency_p95_s is not None],
    }
    figures = [
        draw_days("calls-cost", "Cost of a day's calls", "USD", cost, 4),
        draw_days("calls-latency", "Latency of a day's calls", "Seconds", latency, 2),
    ]
    return [*(figure for figure in figures if figure is not None), tabulate_days(calls)]


def draw_days(name: str, title: str, unit: str, lines: Lines, digits: int) -> Figure | None:
    """Return lines over the days, or None where there are not two days to join."""
    first, *_ = lines.values()
    if len(first) < 2:
        return None
    (begin, _), (end, value) = first[0], first[-1]
    return Figure(
        name=name,
        title=title,
        description=f"Line chart of {count_of(len(first), 'day')}, {begin} to {end}; last {value:,.{digits}f} {unit}.",
        draw=partial(draw_calls, lines, unit, digits),
        is_half=True,
    )


def tabulate_days(calls: Sequence[CallDay]) -> Table:
    """Return each day's calls, cost and latency."""
    rows = [
        [
            Cell(day.day),
            count_cell(day.n_calls),
            count_cell(day.n_failed),
            number_cell(day.cost_usd, 4, note=tell_unpriced(day)),
            number_cell(day.latency_p50_s),
            number_cell(day.latency_p95_s),
        ]
        for day in calls
    ]
    columns = ("Day", "Calls", "Without a score", "Cost, USD", "Latency, s (median)", "Latency, s (95th percentile)")
    return Table("The judge's calls", columns, rows, is_folded=len(rows) > 7)


def tell_unpriced(day: CallDay) -> str:
    """Say how many calls have no known cost, if any has none beside others that have one."""
    n = day.n_calls - day.n_priced
    return f"{n:,} unknown" if n and day.n_priced else ""
