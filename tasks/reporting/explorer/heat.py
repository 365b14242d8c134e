"""The plane of both scores as one drawing whose colours and lines follow the thresholds.

The cells are drawn once; each subset shows them through the boxes that are its own. The page's script moves the boxes
and the two lines by the same arithmetic (`templates/explorer.js`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tasks.reporting.explorer.cells import SUBSETS, Cells, assign
from tasks.reporting.explorer.shown import HeatCell, HeatMap

UNIT, LEFT, TOP, STRIP = 40, 46, 28, 24
"""Pixels of a point of a score, and around the plane: the strip below holds names of subsets, as the top does."""
LOW, HIGH = -0.5, 10.5
SIDE = int(UNIT * (HIGH - LOW))
WIDTH, HEIGHT = LEFT + SIDE + 10, TOP + SIDE + STRIP + 46
PLANE = {
    "width": WIDTH, "height": HEIGHT, "left": LEFT, "right": LEFT + SIDE, "top": TOP, "bottom": TOP + SIDE,
    "unit": UNIT, "low": LOW, "high": HIGH,
}  # fmt: skip
"""The measures, for the template and the script."""
PALEST = 0.16
"""Opacity of the cells with the fewest turns."""


def to_x(score: float) -> float:
    """Return where a score of sensibility stands, in pixels from the left."""
    return round(LEFT + (score - LOW) * UNIT, 2)


def to_y(score: float) -> float:
    """Return where a score of rationality stands, in pixels from above."""
    return round(TOP + (HIGH - score) * UNIT, 2)


def draw_heat(cells: Cells, rule: str, thresholds: tuple[float, float]) -> HeatMap:
    """Return the plane of a selection's turns under a rule's thresholds."""
    return HeatMap(
        squares=tuple(list_squares(cells)),
        boxes=dict(zip(SUBSETS, list_boxes(rule, thresholds, cells.is_whole), strict=True)),
        line_x=to_x(thresholds[0]),
        line_y=to_y(thresholds[1]),
        ticks=tuple((score, to_x(score), to_y(score)) for score in range(11)),
    )


def list_squares(cells: Cells) -> Iterator[HeatCell]:
    """Yield a square for each pair of whole scores, or of halves where scores lie between."""
    width = 1.0 if cells.is_whole else 0.5
    counts: dict[tuple[float, float], int] = {}
    lows = (find_lows(codes, grid, width) for codes, grid in zip((cells.s, cells.r), cells.grids, strict=True))
    for s, r, n in zip(*lows, cells.n, strict=True):
        counts[float(s), float(r)] = counts.get((float(s), float(r)), 0) + int(n)
    most, shift = max(counts.values(), default=1), width / 2 if cells.is_whole else 0.0
    for (s, r), n in sorted(counts.items()):
        opacity = PALEST + (1 - PALEST) * math.sqrt(n / most)
        tip = f"Sensibility {tell(s, width)}, rationality {tell(r, width)}: {n:,} turn{'' if n == 1 else 's'}"
        x, y = to_x(s - shift) + 0.5, to_y(r - shift + width) + 0.5
        yield HeatCell(x, y, UNIT * width - 1, round(opacity, 3), tip)


def find_lows(codes: np.ndarray, grid: np.ndarray, width: float) -> np.ndarray:
    """Return the lower end of the bin that each code falls into; the last bin holds 10 too."""
    last = 10.0 if width == 1 else 10 - width
    return np.minimum(np.floor(grid[codes // 2] / width) * width, last)


def tell(low: float, width: float) -> str:
    """Return the scores of a bin as words."""
    return f"{low:g}" if width == 1 else f"{low:g} to {low + width:g}"


def list_boxes(rule: str, thresholds: tuple[float, float], is_whole: bool) -> list[str]:
    """Return, for each of SUBSETS, the boxes of the plane that a rule gives to it, as an SVG path."""
    columns, rows = (cut(threshold, is_whole) for threshold in thresholds)
    paths = ["" for _ in SUBSETS]
    for s, (left, right) in zip((-1, 0, 1), columns, strict=True):
        for r, (bottom, top) in zip((-1, 0, 1), rows, strict=True):
            if right > left and top > bottom:
                subset = int(assign(rule, np.array(s), np.array(r)))
                paths[subset] += f"M{to_x(left):g} {to_y(top):g}H{to_x(right):g}V{to_y(bottom):g}H{to_x(left):g}Z"
    return paths


def cut(threshold: float, is_whole: bool) -> tuple[tuple[float, float], ...]:
    """Return an axis below a threshold, on it and above it; the square of a whole score is not cut through."""
    below, above = (math.ceil(threshold) - 0.5, math.floor(threshold) + 0.5) if is_whole else (threshold, threshold)
    return (LOW, below), (below, above), (above, HIGH)
