"""Scored turns, counted by where their scores stand to every threshold that a slider can take.

A score is kept as a code: twice the place of the threshold it equals, or the odd number between two thresholds that it
lies between. So no count is ever off by rounding, and a million turns take no more room than the cells they fall into.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from tasks.reporting.material import count_by
from tasks.schema import Subset

MOST_CELLS = 120_000
"""Cells that a page holds, at about 10 bytes each; where there are more, the thresholds stand wider apart."""
MOST_EMOTIONS = 40
OTHERS = "(others)"
AXES = ("sensibility", "rationality")
RULES = ("paper", "released")
"""The rules that a person moves thresholds of: what they compare is the scores as they are."""
SUBSETS = tuple(subset.value for subset in Subset)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """Counts of turns by the code of each score and by emotion; the arrays are of one length."""

    grids: tuple[Floats, Floats]
    """The thresholds of sensibility and of rationality that can be chosen, rising."""
    is_whole: bool
    """Whether every score is a whole number."""
    emotions: tuple[str, ...]
    s: Ints
    r: Ints
    emotion: Ints
    n: Ints
    words: Ints
    """Words of all responses of a cell."""
    removed: Ints
    """Turns of each emotion that a filter removed before any rule: they are discarded at every threshold."""
    removed_words: Ints

    @property
    def n_turns(self) -> int:
        """All scored turns: the base of every share."""
        return int(self.n.sum() + self.removed.sum())


def count_cells(turns: pl.LazyFrame, chosen: tuple[float | None, float | None]) -> Cells | None:
    """Count turns (`sensibility`, `rationality`, `emotion`, `n_words`, `is_removed`); None where there are none.

    `chosen` are thresholds that must be among those of the sliders.
    """
    if turns.head(1).collect().is_empty():
        return None
    opened = turns.filter(~pl.col("is_removed"))
    is_whole = bool(opened.select(pl.all_horizontal((pl.col(axis) % 1 == 0).all() for axis in AXES)).collect().item())
    emotions = name_emotions(turns)
    named = turns.with_columns(emotion=pl.col("emotion").replace_strict(emotions, default=emotions.get(OTHERS, 0)))
    for per_unit in (2,) if is_whole else (10, 4, 2):
        grids = make_grid(per_unit, chosen[0]), make_grid(per_unit, chosen[1])
        codes = [encode(axis, grid) for axis, grid in zip(AXES, grids, strict=True)]
        found = group(named.filter(~pl.col("is_removed")).with_columns(codes), *AXES, "emotion")
        if len(found) <= MOST_CELLS:
            break
    removed = group(named.filter(pl.col("is_removed")), "emotion")
    columns = {name: found[name].to_numpy().astype(np.int64) for name in found.columns}
    return Cells(
        grids=grids,
        is_whole=is_whole,
        emotions=tuple(emotions),
        s=columns["sensibility"],
        r=columns["rationality"],
        emotion=columns["emotion"],
        n=columns["n"],
        words=columns["words"],
        removed=spread(removed, "n", len(emotions)),
        removed_words=spread(removed, "words", len(emotions)),
    )


def make_grid(per_unit: int, extra: float | None) -> Floats:
    """Return the thresholds from 0 to 10, so many a unit, and one more where it is not among them."""
    values = {place / per_unit for place in range(10 * per_unit + 1)} | ({extra} if extra is not None else set())
    return np.array(sorted(values), dtype=np.float64)


def encode(axis: str, grid: Floats) -> pl.Expr:
    """Return the code of each score on an axis."""
    thresholds = pl.lit(pl.Series(grid))
    below, upto = (thresholds.search_sorted(pl.col(axis), side=side) for side in ("left", "right"))
    return pl.when(below < upto).then(2 * below.cast(pl.Int64)).otherwise(2 * below.cast(pl.Int64) - 1).alias(axis)


def name_emotions(turns: pl.LazyFrame) -> dict[str, int]:
    """Return the place of each emotion, by name; those beyond the most frequent share one place."""
    counts = [(str(emotion), n) for emotion, n in count_by(turns, "emotion")]
    kept = sorted(emotion for emotion, _ in counts[:MOST_EMOTIONS])
    return {name: place for place, name in enumerate([*kept, OTHERS] if len(counts) > MOST_EMOTIONS else kept)}


def group(turns: pl.LazyFrame, *columns: str) -> pl.DataFrame:
    """Return turns and words of each group, in the order of the groups."""
    return turns.group_by(columns).agg(n=pl.len(), words=pl.col("n_words").sum()).sort(columns).collect()


def spread(removed: pl.DataFrame, column: str, size: int) -> Ints:
    """Return a column by the place of its emotion."""
    values = np.zeros(size, dtype=np.int64)
    values[removed["emotion"].to_numpy()] = removed[column].to_numpy()
    return values


def assign(rule: str, s: Ints, r: Ints) -> Ints:
    """Return the place in SUBSETS of what stands at these signs (-1 below a threshold, 0 on it, 1 above it)."""
    is_rationality = (r > 0) & ((s < 0) | (rule == "paper"))
    return np.select([is_rationality, (s > 0) & (r < 0)], [1, 0], default=2)


def divide(rule: str, s: Ints, r: Ints, at: Sequence[int]) -> Ints:
    """Return the place in SUBSETS of codes of both scores, for the thresholds at these places of the grids."""
    return assign(rule, np.sign(s - 2 * at[0]), np.sign(r - 2 * at[1]))


def count_subsets(cells: Cells, rule: str, at: Sequence[int]) -> tuple[Ints, Ints]:
    """Return turns and words of each subset (rows) and emotion (columns), for thresholds at these places."""
    subset, shape = divide(rule, cells.s, cells.r, at), (len(SUBSETS), len(cells.emotions))
    turns, words = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    np.add.at(turns, (subset, cells.emotion), cells.n)
    np.add.at(words, (subset, cells.emotion), cells.words)
    turns[-1] += cells.removed
    words[-1] += cells.removed_words
    return turns, words


def find_places(cells: Cells, thresholds: Sequence[float]) -> tuple[int, int]:
    """Return the places of the thresholds that are nearest to these values."""
    s, r = (int(np.abs(grid - value).argmin()) for grid, value in zip(cells.grids, thresholds, strict=True))
    return s, r
