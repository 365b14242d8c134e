"""Whether the scores of the anchors as they are stand where a good judge would put them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from tasks.judges.regression.cases import BASE, Case
from tasks.judges.regression.relations import Scores
from tasks.scoring import DIMENSIONS

ALL = "all"


class RangeResult(BaseModel):
    """How many of some anchors have one score inside its expected range."""

    model_config = ConfigDict(frozen=True)

    dimension: str
    kind: str = Field(description="Kind of the anchors: both, warm, advice, neither; or all.")
    n: int = Field(description="Anchors with scores.")
    n_inside: int
    share: float | None = Field(description="n_inside / n; nothing where n is 0.")
    mean_distance: float | None = Field(description="Of those outside, in points; nothing where all are inside.")


def check_ranges(cases: Sequence[Case], scores: Scores) -> list[RangeResult]:
    """Return, per score, how all anchors and those of each kind stand to their ranges."""
    bases = [case for case in cases if case.relation == BASE]
    kinds = [ALL, *dict.fromkeys(case.anchor.kind for case in bases)]
    return [
        check_range(dimension, kind, [case for case in bases if kind in (ALL, case.anchor.kind)], scores)
        for dimension in DIMENSIONS
        for kind in kinds
    ]


def check_range(dimension: str, kind: str, bases: Sequence[Case], scores: Scores) -> RangeResult:
    """Return how anchors of one kind stand to their ranges of one score."""
    place = DIMENSIONS.index(dimension)
    distances = [
        measure_distance(pair[place], getattr(case.anchor, dimension))
        for case in bases
        if (pair := scores[case.name]) is not None
    ]
    outside = [distance for distance in distances if distance > 0]
    n, n_inside = len(distances), len(distances) - len(outside)
    return RangeResult(
        dimension=dimension, kind=kind, n=n, n_inside=n_inside, share=round(n_inside / n, 6) if n else None,
        mean_distance=round(sum(outside) / len(outside), 6) if outside else None,
    )  # fmt: skip


def measure_distance(score: float, expected: tuple[float, float]) -> float:
    """Return how many points a score is outside a range; 0 inside."""
    low, high = expected
    return max(low - score, score - high, 0.0)
