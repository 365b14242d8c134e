"""Figures by name as horizontal bars from an origin, with their intervals; rows may stand in groups under a heading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import altair as alt

from tasks.reporting.palette import light
from tasks.reporting.wording import clip

ROW = 20


class Row(NamedTuple):
    """One bar; without a value a heading, or a measure that does not exist."""

    label: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    colour: str = "heat"
    is_heading: bool = False


def draw_rows(
    rows: Sequence[Row], origin: float, domain: tuple[float, float] | None, form: str, width: int
) -> alt.LayerChart:
    """Return the rows in their order; `domain` is the range of values, None to fit them, `form` how they are said."""
    values = [make_row(place, row, form) for place, row in enumerate(rows)]
    ids = [value["id"] for value in values]
    scale = alt.Scale(domain=list(domain or find_domain(rows, origin)), nice=False, zero=False)
    label = "substring(datum.value, 4)"  # the name of a row may stand in several groups: its place makes it one
    weight: Any = {"condition": {"test": "substring(datum.value, 3, 4) == '#'", "value": "bold"}, "value": "normal"}
    y = alt.Y("id:N", sort=ids, title=None,
              axis=alt.Axis(labelExpr=label, labelFontWeight=weight, labelLimit=170, grid=False))  # fmt: skip
    base = alt.Chart(alt.Data(values=values)).encode(y=y, description="tip:N")
    measured = base.transform_filter("isValid(datum.value)")
    x = alt.X("value:Q", title=None, scale=scale, axis=alt.Axis(tickCount=5, format=form, grid=True))
    bars = measured.mark_bar(height={"band": 0.62}, cornerRadiusEnd=2).encode(
        x=x, x2=alt.datum(origin), color=alt.Color("colour:N", scale=None)
    )
    spans = base.transform_filter("isValid(datum.low) && isValid(datum.high)")
    whiskers = spans.mark_rule(strokeWidth=1.6, color=light("ink")).encode(x="low:Q", x2="high:Q")
    start = alt.Chart(alt.Data(values=[{"at": origin, "tip": f"{origin:g}"}])).mark_rule(color=light("muted"))
    zero = start.encode(x="at:Q", description="tip:N")
    empty = base.mark_point(opacity=0).encode(x=alt.datum(origin))  # keeps the rows that have no bar
    return alt.LayerChart(layer=[empty, bars, whiskers, zero]).properties(width=width, height=ROW * len(rows) + 30)


def make_row(place: int, row: Row, form: str) -> dict[str, Any]:
    """Return a row's values and its tip."""
    label = clip(row.label, 60)
    said = "not measured" if row.value is None else say(row.value, form)
    if row.low is not None and row.high is not None:
        said += f" ({say(row.low, form)} to {say(row.high, form)})"
    return {
        "id": f"{place:03d}{'#' if row.is_heading else ' '}{label}",
        "value": row.value, "low": row.low, "high": row.high, "colour": light(row.colour),
        "tip": "" if row.is_heading else f"{label}: {said}",
    }  # fmt: skip


def say(value: float, form: str) -> str:
    """Return a value as its axis writes it, with one more digit."""
    return f"{100 * value:.1f} %" if form == "%" else f"{value:.2f}"


def find_domain(rows: Sequence[Row], origin: float) -> tuple[float, float]:
    """Return a range that holds all values and intervals and the origin, with some room."""
    ends = [end for row in rows for end in (row.value, row.low, row.high) if end is not None]
    low, high = min([origin, *ends]), max([origin, *ends])
    room = 0.05 * (high - low) or 0.1
    return low - room * (low < origin), high + room * (high > origin or low == high)
