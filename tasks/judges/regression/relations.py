"""What must, and what must not, become of the scores when a response is changed; and whether it did.

Metamorphic testing (Chen, Cheung, Yiu 1998): nobody knows the right score, but everybody knows how two should compare.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from tasks.judges.regression.cases import BASE, Case

Pair = tuple[float, float]
"""Sensibility and rationality."""
Scores = Mapping[str, Pair | None]
"""Of cases, by their names; None where there is no score."""

TOLERANCE = 1.0
"""Points that a change without a meaning may move a score."""
ROUNDING = 1e-9
NORMAL_95 = 1.959963984540054
"""The standard normal distribution's 97.5 % quantile."""

Rule = Callable[[float, float, float], bool]
"""From score before, score after, and tolerance."""


def falls(before: float, after: float, _: float) -> bool:
    """Say whether a score went down at all."""
    return after < before - ROUNDING


def does_not_rise(before: float, after: float, _: float) -> bool:
    """Say whether a score did not go up at all."""
    return after <= before + ROUNDING


def does_not_fall(before: float, after: float, tolerance: float) -> bool:
    """Say whether a score went down by no more than the tolerance."""
    return after >= before - tolerance - ROUNDING


def stays(before: float, after: float, tolerance: float) -> bool:
    """Say whether a score moved by no more than the tolerance."""
    return abs(after - before) <= tolerance + ROUNDING


def may_do_anything(_before: float, _after: float, _: float) -> bool:
    """Say that nothing is asked of a score."""
    return True


RELATIONS: dict[str, tuple[Rule, Rule]] = {
    "warmth_removed": (falls, may_do_anything),
    "advice_to_sympathy": (does_not_fall, falls),
    "paraphrase": (stays, stays),
    "name_change": (stays, stays),
    "padding": (stays, stays),
    "injection": (does_not_rise, does_not_rise),
}
"""What is asked of sensibility and of rationality."""


class Failure(BaseModel):
    """An anchor whose scores did not do what the relation asks."""

    model_config = ConfigDict(frozen=True)

    anchor: str
    before: Pair
    after: Pair


class RelationResult(BaseModel):
    """How often a relation held."""

    model_config = ConfigDict(frozen=True)

    relation: str
    n: int = Field(description="Pairs of which both have scores.")
    n_passed: int
    n_unscored: int = Field(description="Pairs of which one has no score: they neither pass nor fail.")
    pass_rate: float | None = Field(description="n_passed / n; nothing where n is 0.")
    low: float | None = Field(description="Lower bound of the rate's 95 % interval (Wilson).")
    high: float | None
    failures: tuple[Failure, ...]


def check_relations(cases: Sequence[Case], scores: Scores, tolerance: float) -> list[RelationResult]:
    """Return, for each relation that has cases, how often it held."""
    names = {case.relation for case in cases}
    return [
        check_relation(name, [case for case in cases if case.relation == name], scores, tolerance)
        for name in RELATIONS
        if name in names
    ]


def check_relation(name: str, cases: Sequence[Case], scores: Scores, tolerance: float) -> RelationResult:
    """Return how often one relation held between the base of an anchor and its variant."""
    pairs = [(case.anchor.id, scores[f"{case.anchor.id}/{BASE}"], scores[case.name]) for case in cases]
    scored = [(anchor, before, after) for anchor, before, after in pairs if before and after]
    failures = tuple(
        Failure(anchor=anchor, before=before, after=after)
        for anchor, before, after in scored
        if not holds(name, before, after, tolerance)
    )
    n, n_passed = len(scored), len(scored) - len(failures)
    low, high = bound_share(n_passed, n) if n else (None, None)
    return RelationResult(
        relation=name, n=n, n_passed=n_passed, n_unscored=len(pairs) - n,
        pass_rate=round(n_passed / n, 6) if n else None, low=low, high=high, failures=failures,
    )  # fmt: skip


def holds(relation: str, before: Pair, after: Pair, tolerance: float = TOLERANCE) -> bool:
    """Say whether a relation holds between two pairs of scores."""
    rules = RELATIONS[relation]
    return all(rule(old, new, tolerance) for rule, old, new in zip(rules, before, after, strict=True))


def bound_share(n_of: int, n: int) -> Pair:
    """Return the 95 % interval of a share, `n_of` of `n` > 0 (Wilson 1927, the score interval)."""
    share, z2 = n_of / n, NORMAL_95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = NORMAL_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return round(max(0.0, middle - half), 6), round(min(1.0, middle + half), 6)
