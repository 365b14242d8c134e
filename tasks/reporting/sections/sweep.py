"""What other thresholds would have given: shares, and how much of the chosen subsets would stay."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from tasks.reporting.blocks import Figure, Table
from tasks.reporting.charts.sweep import draw_sweep
from tasks.reporting.explorer.cells import AXES, RULES, SUBSETS, Cells, divide, encode, find_places, group
from tasks.reporting.explorer.turns import list_scored_turns
from tasks.reporting.material import Material
from tasks.reporting.wording import number_cell

SWEPT = tuple(place / 2 for place in range(21))
LEARNED = ("sensibility", "rationality")
Curve = list[tuple[float, float]]
Marks = dict[float, list[str]]


def draw_curves(material: Material, cells: Cells) -> list[Figure]:
    """Return the shares over thresholds, and the overlap with the chosen subsets where there are some."""
    config = material.selection.config
    rule = config.rule if config and config.rule in RULES else RULES[0]
    bounds = () if material.selection.is_ranked else material.selection.bounds
    marks: Marks = {}
    for name, bound in zip(AXES, bounds, strict=False):
        if bound is not None:
            marks.setdefault(bound, []).append(name)
    figures = [draw_shares(cells, rule, marks)]
    overlaps = measure_overlaps(material, cells, rule)
    return [*figures, draw_overlaps(overlaps, rule, marks)] if overlaps else figures


def draw_shares(cells: Cells, rule: str, marks: Marks) -> Figure:
    """Return the share of each subset with both thresholds at the same value."""
    curves: dict[str, Curve] = {name: [] for name in SUBSETS}
    for threshold in list_swept(cells):
        subset = divide(rule, cells.s, cells.r, find_places(cells, (threshold, threshold)))
        sizes = np.bincount(subset, weights=cells.n, minlength=len(SUBSETS))
        sizes[-1] += cells.removed.sum()
        for name, size in zip(SUBSETS, sizes, strict=True):
            curves[name].append((threshold, 100 * float(size) / cells.n_turns))
    best, share = max(curves["sensibility"], key=lambda point: point[1])
    return Figure(
        name="sweep-shares",
        title="Share of each subset over the thresholds",
        description=(
            f"Line chart of three subsets by threshold under the rule {rule}; sensibility is largest at {best:g} "
            f"with {share:.1f} percent."
        ),
        draw=partial(draw_sweep, curves, "%", marks),
        numbers=tabulate(curves, "Percent of the scored turns by threshold", 1),
        note=f"Rule {rule}, both thresholds at the same value, before quotas."
        + (" Dashed: the chosen thresholds." if marks else ""),
        is_half=True,
        has_picture=True,
    )


def measure_overlaps(material: Material, cells: Cells, rule: str) -> dict[str, Curve]:
    """Return, of each subset that is learned from, its Jaccard index with the chosen one over the thresholds."""
    found = list_scored_turns(material)
    if material.subsets is None or found is None:
        return {}
    codes = [encode(axis, grid) for axis, grid in zip(AXES, cells.grids, strict=True)]
    rows = group(found[0].filter(~pl.col("is_removed")).with_columns(codes), *AXES, "subset")
    s, r, n = (rows[name].to_numpy().astype(np.int64) for name in (*AXES, "n"))
    chosen = rows["subset"].to_numpy()
    curves: dict[str, Curve] = {}
    for place, name in enumerate(LEARNED):
        curves[name] = []
        for threshold in list_swept(cells):
            here = divide(rule, s, r, find_places(cells, (threshold, threshold))) == place
            there = chosen == name
            union = int(n[here | there].sum())
            curves[name].append((threshold, int(n[here & there].sum()) / union if union else 1.0))
    return curves


def draw_overlaps(curves: dict[str, Curve], rule: str, marks: Marks) -> Figure:
    """Return how much of the chosen subsets each threshold would select again."""
    return Figure(
        name="sweep-overlap",
        title="Overlap with the chosen subsets",
        description="Line chart of the Jaccard index of two subsets with the chosen ones by threshold, 0 to 1.",
        draw=partial(draw_sweep, curves, "Jaccard index", marks),
        numbers=tabulate(curves, "Jaccard index with the chosen subset by threshold", 3),
        note=f"Turns in both, over turns in either: 1 is the same subset. Rule {rule}, both thresholds at the same "
        "value.",
        is_half=True,
        has_picture=True,
    )


def tabulate(curves: dict[str, Curve], caption: str, digits: int) -> Table:
    """Return the values behind curves, a row a threshold."""
    rows = [
        [number_cell(points[0][0], 1), *(number_cell(value, digits) for _, value in points)]
        for points in zip(*curves.values(), strict=True)
    ]
    return Table(caption, ("Threshold", *(name.capitalize() for name in curves)), rows)


def list_swept(cells: Cells) -> tuple[float, ...]:
    """Return the thresholds of a curve: between whole scores nothing changes but what stands on a threshold."""
    return SWEPT[::2] if cells.is_whole else SWEPT
