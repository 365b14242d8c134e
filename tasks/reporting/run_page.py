"""Pictures for the page of a run that writes no report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

WIDTH = 640
MOST_EMOTIONS = 40
SHOWN = ("sensibility", "rationality", "discard")


def draw_selection(facts: Mapping[str, Any]) -> bytes:
    """Return as PNG how all turns, and those of the largest emotions, divide among the subsets of a selection."""
    from tasks.reporting.charts.shares import draw_shares
    from tasks.reporting.drawing import draw_png

    by_emotion: dict[str, dict[str, int]] = {}
    for subset in SHOWN:
        for emotion, n in facts["emotions"].get(subset, {}).items():
            by_emotion.setdefault(emotion, dict.fromkeys(SHOWN, 0))[subset] = n
    largest = sorted(by_emotion.items(), key=lambda item: (-sum(item[1].values()), item[0]))[:MOST_EMOTIONS]
    groups = [("All turns", {name: facts["counts"][name] for name in SHOWN}), *largest]
    return draw_png(draw_shares(groups, WIDTH), f"Shares of the subsets: {facts['rule']['label']}")


def draw_sweeps(rows: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """Return as PNG, for each rule of a sweep's rows, the share of every subset over the thresholds."""
    from tasks.reporting.charts.sweep import draw_sweep
    from tasks.reporting.drawing import draw_png

    pictures = {}
    for rule, of_rule in groupby(rows, key=lambda row: row["rule"]):
        found = list(of_rule)
        curves = {name: [(row["threshold"], row[f"{name} %"]) for row in found] for name in SHOWN}
        pictures[rule] = draw_png(draw_sweep(curves, "%", {}, WIDTH), f"Share of each subset: rule {rule}")
    return pictures
