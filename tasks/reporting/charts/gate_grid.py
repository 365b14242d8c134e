"""Mean gates of each layer for several groups of tokens: a row a group, a column a layer."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from tasks.reporting.blocks import WIDE
from tasks.reporting.palette import light

ROW = 25
PALEST, DEEPEST = 0.05, 0.6
"""Opacity of a gate of one half, and of 0 or 1: dark text is legible on both."""
MOST_LABELLED = 20
"""Layers whose columns are wide enough for a number."""


def draw_gate_grid(groups: Sequence[tuple[str, Sequence[tuple[int, float]]]], width: int) -> alt.LayerChart:
    """Return a cell for each (layer, mean gate of the sensibility expert) of each (name, gates), in the order given."""
    rows = [
        {"group": name, "layer": layer, "text": f"{gate:.2f}", "depth": choose_depth(gate),
         "colour": light("sensibility" if gate > 0.5 else "rationality"),
         "tip": f"{name}, layer {layer}: {gate:.3f} to sensibility"}
        for name, gates in groups
        for layer, gate in gates
    ]  # fmt: skip
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("layer:O", title="Layer", axis=alt.Axis(labelAngle=0, labelOverlap=True, labelSeparation=5)),
        y=alt.Y("group:N", sort=None, title=None, axis=alt.Axis(labelLimit=150)),
        description="tip:N",
    )
    cells = base.mark_rect(cornerRadius=2, strokeWidth=0).encode(
        color=alt.Color("colour:N", scale=None), opacity=alt.Opacity("depth:Q", scale=None)
    )
    layers = [cells]
    if width == WIDE and len({row["layer"] for row in rows}) <= MOST_LABELLED:
        layers.append(base.mark_text(fontSize=10, color=light("ink")).encode(text="text:N"))
    return alt.LayerChart(layer=layers).properties(width=width, height=ROW * len(groups) + 50)


def choose_depth(gate: float) -> float:
    """Return how strong a gate's colour is: the farther from one half, the stronger."""
    return round(PALEST + (DEEPEST - PALEST) * 2 * abs(gate - 0.5), 3)
