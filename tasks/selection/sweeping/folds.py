"""How steady shares and a found threshold are over parts of the data: k folds of dialogues."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tasks.artifacts import ArtifactStore
from tasks.config import SelectionConfig
from tasks.errors import UsageError
from tasks.schema import ArtifactRef
from tasks.selection.connecting import connect
from tasks.selection.decide import EXCLUDED, SUBSETS, decide
from tasks.selection.materialize import prepare
from tasks.selection.sweeping.assigning import BY_PLACE, assign_subsets
from tasks.selection.sweeping.texts import Ints
from tasks.selection.target_share import find_threshold, name_axis, name_compared, name_threshold, open_axis


class Spread(BaseModel):
    """One number of every fold."""

    model_config = ConfigDict(frozen=True)

    values: tuple[float, ...]
    mean: float
    sd: float = Field(description="Standard deviation of a sample.")
    low: float
    high: float


class FoldStability(BaseModel):
    """The shares of one selection's subsets in every fold."""

    model_config = ConfigDict(frozen=True)

    selection: SelectionConfig
    shares: dict[str, Spread]


class TargetStability(BaseModel):
    """For every fold, the threshold that the other folds give for a target share, and its share on the fold itself."""

    model_config = ConfigDict(frozen=True)

    thresholds: Spread
    shares: Spread


def measure_stability(
    artifacts: ArtifactStore,
    corpus: Sequence[ArtifactRef],
    scores: ArtifactRef,
    grid: Sequence[SelectionConfig],
    n_folds: int,
) -> list[FoldStability]:
    """Return the shares of every selection's subsets in each of `n_folds` folds of whole dialogues; writes nothing.

    A dialogue's fold is a function of its id alone. Subsets are decided on all data, so a quota is one over all folds.
    Raises UsageError where a fold has no scored turn.
    """
    with connect() as connection:
        prepare(connection, artifacts, corpus, scores, grid[0])
        assigned = assign_subsets(connection, grid)
        found = connection.execute(
            f"SELECT dialogue_id FROM candidates WHERE excluded_because IS NULL {BY_PLACE}"  # noqa: S608 - our own words
        ).fetchall()
    folds = assign_folds((name for (name,) in found), n_folds)
    cells = folds * len(SUBSETS)
    shares = []
    for row in assigned:
        counts = np.bincount(cells + row, minlength=n_folds * len(SUBSETS)).reshape(n_folds, len(SUBSETS))
        shares.append(counts / counts.sum(axis=1, keepdims=True))
    return [
        FoldStability(selection=one, shares={name: describe_spread(of[:, code]) for code, name in enumerate(SUBSETS)})
        for one, of in zip(grid, shares, strict=True)
    ]


def cross_validate_target(
    artifacts: ArtifactStore,
    corpus: Sequence[ArtifactRef],
    scores: ArtifactRef,
    selection: SelectionConfig,
    n_folds: int,
) -> TargetStability:
    """Find a selection's target share on all folds but one, and measure it on that one, for every fold.

    Raises UsageError where a fold has no scored turn.
    """
    axis, before = name_axis(selection), getattr(selection, name_threshold(selection))
    with connect() as connection:
        prepare(connection, artifacts, corpus, scores, selection)
        decide(connection, open_axis(selection))
        found = connection.execute(
            f"SELECT dialogue_id, CASE WHEN subset = $axis THEN {name_compared(selection)} END FROM decisions "  # noqa: S608 - one of our two columns
            f"WHERE subset <> '{EXCLUDED}' {BY_PLACE}",
            {"axis": axis},
        ).fetchall()
    folds = assign_folds((name for name, _ in found), n_folds)
    values = np.array([np.nan if value is None else value for _, value in found], float)
    thresholds, shares = [], []
    for fold in range(n_folds):
        is_out = folds == fold
        levels = np.unique(values[~is_out & ~np.isnan(values)], return_counts=True)
        pairs = list(zip(*(column.tolist() for column in levels), strict=True))
        reached = find_threshold(pairs, int((~is_out).sum()), selection.target_share or 0.0, before, axis)
        thresholds.append(reached.found.threshold)
        shares.append(float((values[is_out] > reached.found.threshold).mean()))
    return TargetStability(thresholds=describe_spread(thresholds), shares=describe_spread(shares))


def assign_folds(dialogue_ids: Iterable[str], n_folds: int) -> Ints:
    """Return the fold of each dialogue, 0 to n_folds - 1: its id's sha256 modulo n_folds.

    Raises UsageError if a fold is left empty.
    """
    known: dict[str, int] = {}
    folds = []
    for name in dialogue_ids:
        if name not in known:
            known[name] = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % n_folds
        folds.append(known[name])
    if len(set(folds)) < n_folds:
        raise UsageError(
            f"{len(known):,} dialogues with scores are too few for {n_folds} folds: one would be empty.",
            do="give a smaller --folds",
        )
    return np.array(folds, np.int64)


def describe_spread(values: Iterable[float]) -> Spread:
    """Return mean, deviation and range of one number a fold."""
    listed = tuple(round(float(value), 6) for value in values)
    mean, sd = statistics.fmean(listed), statistics.stdev(listed)
    return Spread(values=listed, mean=round(mean, 6), sd=round(sd, 6), low=min(listed), high=max(listed))
