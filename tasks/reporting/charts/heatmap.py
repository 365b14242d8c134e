"""How often each pair of scores occurs, with the thresholds that cut the plane into subsets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import altair as alt

from tasks.reporting.blocks import WIDE
from tasks.reporting.palette import light

AXIS = alt.Axis(values=list(range(11)), grid=False, format="d")
X = alt.X("left:Q", title="Sensibility", scale=alt.Scale(domain=[-0.5, 10.5], nice=False), axis=AXIS)
Y = alt.Y("bottom:Q", title="Rationality", scale=alt.Scale(domain=[-1.3, 11.3], nice=False), axis=AXIS)
CORNERS: dict[str, tuple[float, float, Literal["left", "right"]]] = {
    "sensibility": (10.5, -0.65, "right"),
    "rationality": (-0.5, 10.65, "left"),
    "discard": (-0.5, -0.65, "left"),
}
"""Where each subset's name stands: above or below the scores, at a corner that is its own under every rule."""
LEAP, DEEP = 0.6, 0.8


def draw_heatmap(
    cells: Sequence[tuple[float, float, int]],
    step: float,
    bounds: tuple[float | None, float | None],
    bound_name: str,
    width: int,
) -> alt.LayerChart:
    """Return the plane of (sensibility, rationality, count) cells of `step`; the stronger the colour, the more turns.

    `bounds` are those of sensibility and of rationality; None where they are not known.
    """
    most = max((n for _, _, n in cells), default=1)
    rows = [make_cell(cell, step, most, bounds) for cell in cells]
    base = alt.Chart(alt.Data(values=rows)).encode(x=X, y=Y, description="tip:N")
    layers: list[alt.Chart] = [
        base.mark_rect(color=light("heat"), strokeWidth=0).encode(
            x2="right:Q", y2="top:Q", opacity=alt.Opacity("depth:Q", scale=None)
        )
    ]
    layers += draw_bounds(bounds, bound_name)
    if None not in bounds and bound_name == "threshold":
        layers += name_subsets()
    if step == 1 and width == WIDE:
        layers.append(label_cells(base))
    return alt.LayerChart(layer=layers).properties(width=width, height=520 if width == WIDE else 340)


def make_cell(
    cell: tuple[float, float, int], step: float, most: int, bounds: tuple[float | None, float | None]
) -> dict[str, object]:
    """Return a cell's edges, its depth of colour and its texts.

    The label stands in the middle, or beside the threshold that goes through it.
    """
    sensibility, rationality, n = cell
    half = step / 2 * 0.96
    depth = choose_depth(n / most)
    return {
        "label_x": sensibility + 0.25 * (sensibility == bounds[0]),
        "label_y": rationality + 0.24 * (rationality == bounds[1]),
        "left": sensibility - half, "right": sensibility + half,
        "bottom": rationality - half, "top": rationality + half,
        "depth": round(depth, 3), "is_deep": depth >= DEEP, "text": f"{n:,}",
        "tip": f"Sensibility {sensibility:g}, rationality {rationality:g}: {n:,} turns",
    }  # fmt: skip


def choose_depth(share: float) -> float:
    """Return how strong a cell's colour is, 0 to 1, by the square root of its share of the largest count.

    It leaps over the middle tones, on which neither light nor dark text is legible.
    """
    root = math.sqrt(share)
    return 0.07 + 0.4 * root / LEAP if root < LEAP else DEEP + (1 - DEEP) * (root - LEAP) / (1 - LEAP)


def label_cells(base: alt.Chart) -> alt.Chart:
    """Return the count in the middle of each cell, legible on its colour."""
    ink = alt.condition("datum.is_deep", alt.value(light("page")), alt.value(light("ink")))
    return base.mark_text(fontSize=11).encode(x="label_x:Q", y="label_y:Q", text="text:N", color=ink)


def draw_bounds(bounds: tuple[float | None, float | None], bound_name: str) -> list[alt.Chart]:
    """Return a line for each bound that is known."""
    named = (("x", "sensibility", bounds[0]), ("y", "rationality", bounds[1]))
    return [
        alt.Chart(alt.Data(values=[{"at": at, "tip": f"{bound_name.capitalize()} of {name}: {at:.4g}"}]))
        .mark_rule(color=light(name), strokeWidth=2)
        .encode(**{axis: alt.datum(at)}, description="tip:N")
        for axis, name, at in named
        if at is not None
    ]


def name_subsets() -> list[alt.Chart]:
    """Return the names of the subsets in the corners that are theirs."""
    return [
        alt.Chart(alt.Data(values=[{"text": name.capitalize()}]))
        .mark_text(color=light("muted" if name == "discard" else name), fontSize=13, fontWeight="bold", align=align,
                   baseline="top" if y < 0 else "bottom")
        .encode(x=alt.datum(x), y=alt.datum(y), text="text:N")
        for name, (x, y, align) in CORNERS.items()
    ]  # fmt: skip
