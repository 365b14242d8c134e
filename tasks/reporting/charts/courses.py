"""A few numbers over runs, of a selection or of a judge's regression, a line each; some runs are marked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import altair as alt

from tasks.reporting.palette import light
from tasks.reporting.wording import clip

MOST_TICKS = 12
"""Runs that are all named on the axis."""


class Course(NamedTuple):
    """One line: its name, its look, and (number of the run, value, what the value is called) of each point."""

    label: str
    colour: str
    dash: tuple[int, int]
    points: Sequence[tuple[int, float, str]]


def draw_courses(
    courses: Sequence[Course], marked: Collection[int], limits: Sequence[tuple[float, str]], form: str, width: int,
    mark: str = "the data had changed",
) -> alt.LayerChart:  # fmt: skip
    """Return lines over the numbers of runs, with named horizontal limits; `form` is the format of the values.

    `mark` says in a tip what the marked runs are.
    """
    rows = [
        {"run": run, "value": value, "course": course.label, "is_marked": run in marked,
         "tip": clip(f"{course.label}, run {run}: {said}" + (f"; {mark}" if run in marked else ""))}
        for course in courses
        for run, value, said in course.points
    ]  # fmt: skip
    runs = sorted({run for course in courses for run, *_ in course.points})
    ticks = {"values": runs} if len(runs) <= MOST_TICKS else {"tickMinStep": 1}
    labels = [course.label for course in courses]
    legend = alt.Legend(columns=3, symbolType="stroke", symbolSize=220) if len(courses) > 1 else None
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("run:Q", title="Run, the oldest first", axis=alt.Axis(grid=False, format="d", **ticks),
                scale=alt.Scale(nice=False, padding=12)),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=bool(limits)), axis=alt.Axis(tickCount=5, format=form)),
        color=alt.Color("course:N", legend=legend,
                        scale=alt.Scale(domain=labels, range=[light(course.colour) for course in courses])),
        strokeDash=alt.StrokeDash("course:N", legend=legend,
                                  scale=alt.Scale(domain=labels, range=[list(course.dash) for course in courses])),
    )  # fmt: skip
    lines = base.mark_line(strokeWidth=2)
    points = base.mark_circle(size=45, opacity=1).encode(description="tip:N", strokeDash=alt.StrokeDash())
    drawn = [*map(draw_limit, limits), lines, points]
    found = [row for row in rows if row["is_marked"]]
    if found:
        marks = alt.Chart(alt.Data(values=found)).encode(x="run:Q", y="value:Q", description="tip:N")
        drawn.append(marks.mark_point(shape="diamond", size=150, strokeWidth=2, filled=False, color=light("ink")))
    return alt.LayerChart(layer=drawn).properties(width=width, height=230)


def draw_limit(limit: tuple[float, str]) -> alt.LayerChart:
    """Return a dashed line across the chart with its name over its left end."""
    value, name = limit
    base = alt.Chart(alt.Data(values=[{"y": value, "text": name}])).encode(y="y:Q")
    rule = base.mark_rule(color=light("muted"), strokeDash=[4, 3])
    label = base.mark_text(align="left", baseline="bottom", dx=2, dy=-2, fontSize=11, color=light("muted"))
    return alt.LayerChart(layer=[rule, label.encode(x=alt.value(0), text="text:N")])
