"""Whether another judge would have chosen the same turns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tasks.artifacts import ArtifactStore
from tasks.config import SelectionConfig
from tasks.errors import UsageError
from tasks.schema import ArtifactRef
from tasks.selection.connecting import connect
from tasks.selection.decide import SUBSETS
from tasks.selection.materialize import prepare
from tasks.selection.sweeping.assigning import BY_PLACE, Assigned, assign_subsets
from tasks.selection.sweeping.measuring import measure_jaccard
from tasks.selection.sweeping.texts import Ints


class JudgeOverlap(BaseModel):
    """One selection by the scores of two judges, on the turns that both scored."""

    model_config = ConfigDict(frozen=True)

    selection: SelectionConfig
    n_common: int = Field(description="Turns that both judges scored.")
    share_alike: float = Field(description="Of those, the share that both put into the same subset.")
    kappa: float | None = Field(description="Cohen's kappa of the three subsets; None where chance alone gives 1.")
    jaccard: dict[str, float | None] = Field(description="Of each subset; None where neither judge has a turn in it.")


def compare_judges(
    artifacts: ArtifactStore,
    corpus: Sequence[ArtifactRef],
    scores: Sequence[ArtifactRef],
    grid: Sequence[SelectionConfig],
) -> list[JudgeOverlap]:
    """Compare what the scores of two judges select, for each selection of the grid; writes nothing.

    `scores` are the two judges'. Raises UsageError if no turn of the split has scores of both.
    """
    read = [_read(artifacts, corpus, one, grid) for one in scores]
    places, first, second = np.intersect1d(read[0][0], read[1][0], assume_unique=True, return_indices=True)
    if not len(places):
        raise UsageError("No turn of the split was scored by both judges.", do="score the split with both of them")
    pairs = zip(grid, read[0][1][:, first], read[1][1][:, second], strict=True)
    return [_compare(selection, one, other) for selection, one, other in pairs]


def _read(
    artifacts: ArtifactStore, corpus: Sequence[ArtifactRef], scores: ArtifactRef, grid: Sequence[SelectionConfig]
) -> tuple[Ints, Assigned]:
    """Return where the turns that a judge scored stand, as one number each, and their subsets."""
    with connect() as connection:
        prepare(connection, artifacts, corpus, scores, grid[0])
        found = connection.execute(
            f"SELECT source::BIGINT << 40 | row AS place FROM candidates WHERE excluded_because IS NULL {BY_PLACE}"  # noqa: S608 - our own words
        ).fetchnumpy()
        return found["place"], assign_subsets(connection, grid)


def _compare(selection: SelectionConfig, one: Assigned, other: Assigned) -> JudgeOverlap:
    return JudgeOverlap(
        selection=selection,
        n_common=len(one),
        share_alike=round(float((one == other).mean()), 6),
        kappa=measure_kappa(one, other),
        jaccard={name: measure_jaccard(one == code, other == code) for code, name in enumerate(SUBSETS)},
    )


def measure_kappa(one: Assigned, other: Assigned) -> float | None:
    """Return Cohen's kappa, (p_o - p_e) / (1 - p_e) with p_e from each judge's own shares (Cohen 1960)."""
    shares = [np.bincount(row, minlength=len(SUBSETS)) / len(row) for row in (one, other)]
    by_chance = float(shares[0] @ shares[1])
    if by_chance >= 1:
        return None
    return round((float((one == other).mean()) - by_chance) / (1 - by_chance), 6)
