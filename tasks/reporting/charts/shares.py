"""How a whole divides among the three subsets, one bar a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt

from tasks.reporting.palette import light
from tasks.reporting.wording import share_text
from tasks.schema import Subset

ROW = 21


def draw_shares(groups: Sequence[tuple[str, Mapping[str, int]]], width: int) -> alt.LayerChart:
    """Return one stacked bar of 100 % for each (name, count by subset), in the order given."""
    rows = [row for name, counts in groups for row in split_bar(name, counts)]
    names = [subset.value for subset in Subset]
    colour = alt.Color(
        "subset:N",
        scale=alt.Scale(domain=[n.capitalize() for n in names], range=[light(n) for n in names]),
        legend=alt.Legend(symbolType="square"),
    )
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=140)), description="tip:N"
    )
    x = alt.X("start:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", tickCount=4))
    bars = base.mark_bar(height={"band": 0.72}).encode(x=x, x2="end:Q", color=colour)
    labels = base.mark_text(color=light("page"), fontSize=11).encode(x="middle:Q", text="label:N")
    return (bars + labels).properties(width=width, height=ROW * len(groups) + 60)


def split_bar(name: str, counts: Mapping[str, int]) -> list[dict[str, object]]:
    """Return the pieces of one bar; a piece too short for its label goes without, and so does discard."""
    total, start, pieces = sum(counts.values()), 0.0, []
    for subset in Subset:
        n = counts.get(subset, 0)
        end = start + (n / total if total else 0)
        is_labelled = subset != Subset.DISCARD and end - start >= 0.07  # no text is legible on the grey
        label = f"{100 * (end - start):.0f}" if is_labelled else ""
        tip = f"{name}: {share_text(n, total)} {subset.value} ({n:,} of {total:,})"
        pieces.append({"name": name, "subset": subset.value.capitalize(), "start": start, "end": end,
                       "middle": (start + end) / 2, "label": label, "tip": tip})  # fmt: skip
        start = end
    return pieces
