"""What share of each layer the router gives to each expert."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from tasks.reporting.palette import light


def draw_gates(shares: Sequence[tuple[int, float]], width: int) -> alt.LayerChart:
    """Return one column of 100 % for each (layer, mean gate of the sensibility expert)."""
    rows = [
        {"layer": layer, "expert": expert, "low": low, "high": high,
         "tip": f"Layer {layer}: {high - low:.3f} to {expert.lower()}"}
        for layer, share in shares
        for expert, low, high in (("Sensibility", 0.0, share), ("Rationality", share, 1.0))
    ]  # fmt: skip
    scale = alt.Scale(domain=["Sensibility", "Rationality"], range=[light("sensibility"), light("rationality")])
    bars = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(width={"band": 0.8})
        .encode(
            x=alt.X("layer:O", title="Layer", axis=alt.Axis(labelAngle=0, labelOverlap=True, labelSeparation=5)),
            y=alt.Y("low:Q", title="Mean gate", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(tickCount=4)),
            y2="high:Q",
            color=alt.Color("expert:N", scale=scale, legend=alt.Legend(symbolType="square")),
            description="tip:N",
        )
    )
    half = alt.Chart(alt.Data(values=[{"tip": "Equal shares"}])).mark_rule(
        color=light("page"), strokeWidth=1.5, strokeDash=[4, 3]
    )
    layers = [bars, half.encode(y=alt.datum(0.5), description="tip:N")]
    return alt.LayerChart(layer=layers).properties(width=width, height=240)
