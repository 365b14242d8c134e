"""The threshold whose subset has the share that was asked for, as near as the judge's scores allow."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import nextafter
from typing import Any

import duckdb
from pydantic import BaseModel, ConfigDict, Field

from tasks.config import SelectionConfig
from tasks.errors import UsageError
from tasks.progress import report_notice, report_warning
from tasks.selection.decide import decide
from tasks.selection_config import DEFAULT_AXIS, AxisName

FAR = 0.05
"""A share that misses its target by more is warned of."""
_MOST_DIGITS = 17
_TOP = nextafter(10.0, 11.0)
"""Just above the highest threshold, which is one that may be found."""

Level = tuple[float, int]
"""A score, and how many turns of the subset have it."""


class Reached(BaseModel):
    """A threshold, and the share of the scored turns that its subset has."""

    model_config = ConfigDict(frozen=True)

    threshold: float
    share: float


class TargetShare(BaseModel):
    """The threshold that was found for a target share, and what the scores allow next to it."""

    model_config = ConfigDict(frozen=True)

    axis: AxisName
    target: float
    before: Reached = Field(description="The threshold that was given, and its share.")
    found: Reached
    below: Reached | None = Field(description="The next smaller share that any threshold gives; None if there is none.")
    above: Reached | None = Field(description="The next larger one.")
    n_levels: int = Field(description="How many different scores the turns have that could be in the subset.")

    @property
    def is_far(self) -> bool:
        """Whether the target is missed by so much that somebody should look."""
        return abs(self.found.share - self.target) > FAR

    @property
    def reason(self) -> str:
        """What was changed and why, in words."""
        before, found = self.before, self.found
        if before.threshold == found.threshold:
            moved = f"{self.axis} threshold stays {found.threshold:g}: share {found.share:.1%}"
        else:
            moved = (f"{self.axis} threshold {before.threshold:g} -> {found.threshold:g}: "
                     f"share {before.share:.1%} -> {found.share:.1%}")  # fmt: skip
        return f"{moved}, target {self.target:.1%}"

    def tell(self) -> None:
        """Log what was found; warn where the judge's scores do not allow what was asked for."""
        if self.is_far:
            report_warning(f"A share of {self.target:.1%} cannot be reached. {self.reason}; {self.neighbours}.")
        else:
            report_notice(self.reason)

    def describe(self) -> dict[str, Any]:
        """Return this as manifest facts, with the reason in words."""
        return {**self.model_dump(), "reason": self.reason, "neighbours": self.neighbours, "is_far": self.is_far}

    @property
    def neighbours(self) -> str:
        """Which shares the judge's scores allow next to the one that was found."""
        near = [f"{one.share:.1%} (threshold {one.threshold:g})" for one in (self.below, self.above) if one]
        said = f"the scores take {self.n_levels:,} values, so not every share can be reached"
        return f"{said}; next: {', '.join(near)}" if near else said


def resolve_target(
    connection: duckdb.DuckDBPyConnection, selection: SelectionConfig
) -> tuple[SelectionConfig, TargetShare | None]:
    """Return the selection with the threshold of its axis found, and how; unchanged if it names no target share.

    A rule compares strictly, filters see no threshold and quotas keep the best: so the subset at any threshold is that
    at threshold 0 without the turns that score no more than the threshold, and one decision tells every share.
    Raises UsageError if no turn has a score.
    """
    if selection.target_share is None:
        return selection, None
    name = name_threshold(selection)
    n_scored = decide(connection, open_axis(selection)).n_scored
    if not n_scored:
        raise UsageError(
            "No turn of the split has a score: there is no threshold to find.", do="run `empathy score` first"
        )
    levels = connection.execute(
        f"SELECT {name_compared(selection)}, count(*) FROM decisions WHERE subset = $axis GROUP BY ALL ORDER BY ALL",  # noqa: S608 - one of our two columns
        {"axis": name_axis(selection)},
    ).fetchall()
    found = find_threshold(levels, n_scored, selection.target_share, getattr(selection, name), name_axis(selection))
    return selection.model_copy(update={name: found.found.threshold}), found


def name_axis(selection: SelectionConfig) -> AxisName:
    """Return the subset that the target share is of."""
    return selection.axis or DEFAULT_AXIS


def name_threshold(selection: SelectionConfig) -> str:
    """Return the field of the threshold that is found."""
    return f"{name_axis(selection)}_threshold"


def name_compared(selection: SelectionConfig) -> str:
    """Return the column of `decisions` that is compared with the threshold."""
    return {"sensibility": "s", "rationality": "r"}[name_axis(selection)]


def open_axis(selection: SelectionConfig) -> SelectionConfig:
    """Return the selection with the lowest threshold: its subset holds that of every other one."""
    return selection.model_copy(update={name_threshold(selection): 0.0})


def find_threshold(
    levels: Sequence[Level], n_scored: int, target: float, before: float, axis: AxisName = DEFAULT_AXIS
) -> TargetShare:
    """Return the threshold whose share is nearest to the target; of two equally near ones the higher.

    `levels` are the scores at threshold 0, rising. Every share that exists is looked at: it changes only where a score
    stands. Between two scores any threshold is the same: the one given if it stands there, else the shortest number.
    """
    left = [sum(n for _, n in levels)]
    for _, n in levels:
        left.append(left[-1] - n)
    ends = [0.0, *(score for score, _ in levels), _TOP]
    wanted = Fraction(repr(target)) * n_scored  # exact: a tie is a tie
    place = min(range(len(left)), key=lambda at: (abs(left[at] * wanted.denominator - wanted.numerator), -at))
    now = max(at for at in range(len(left)) if ends[at] <= before)

    def reach(at: int) -> Reached:
        return Reached(threshold=pick_between(ends[at], ends[at + 1], before), share=round(left[at] / n_scored, 6))

    return TargetShare(
        axis=axis,
        target=target,
        before=Reached(threshold=before, share=reach(now).share),
        found=reach(place),
        below=reach(place + 1) if place + 1 < len(left) else None,
        above=reach(place - 1) if place else None,
        n_levels=len(levels),
    )


def pick_between(low: float, high: float, wanted: float) -> float:
    """Return a threshold from `low` (which it may be) up to `high` (which it may not): `wanted` if it stands there."""
    if low <= wanted < high:
        return wanted
    middle = (low + high) / 2
    for digits in range(_MOST_DIGITS):
        short = round(middle, digits)
        if low < short < high:
            return short
    return low
