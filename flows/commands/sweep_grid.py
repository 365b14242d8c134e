"""The selections that `empathy sweep` measures, from what a person typed."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import product
from typing import TYPE_CHECKING, Any

from tasks.errors import UsageError
from tasks.selection_config import AxisName

if TYPE_CHECKING:
    from tasks.config import SelectionConfig

Pair = tuple[float, float]


class ThresholdRule(StrEnum):
    """The rules that have thresholds; typer takes no list of literals."""

    PAPER = "paper"
    RELEASED = "released"
    LOWER_BOUND = "lower-bound"


DEFAULT_RULES = (ThresholdRule.PAPER, ThresholdRule.RELEASED)
DEFAULT_THRESHOLDS = (4.0, 5.0, 6.0, 7.0)
DEFAULT_THRESHOLD = 5.0
MOST_PAIRS = 441
LONGEST_SHOWN = 40


def list_pairs(both: str | None, sensibility: str | None, rationality: str | None, *, is_targeted: bool) -> list[Pair]:
    """Return the pairs of thresholds, (sensibility, rationality), each once.

    Of one axis only, the other stays at 5; of neither, 4 to 7 for both, or 5 where a target share will say better.
    """
    if both is not None and (sensibility is not None or rationality is not None):
        raise UsageError(
            "--thresholds is for both scores: --sensibility-thresholds and --rationality-thresholds replace it.",
            do="give either --thresholds or one or both of the others",
        )
    if sensibility is None and rationality is None:
        default = (DEFAULT_THRESHOLD,) if is_targeted else DEFAULT_THRESHOLDS
        values = read_thresholds("--thresholds", both, default)
        return [(value, value) for value in values]
    of_s = read_thresholds("--sensibility-thresholds", sensibility)
    of_r = read_thresholds("--rationality-thresholds", rationality)
    pairs = list(product(of_s, of_r))
    if len(pairs) > MOST_PAIRS:
        raise UsageError(
            f"{len(pairs):,} pairs of thresholds are too many.", do=f"give at most {MOST_PAIRS}, e.g. 21 of each"
        )
    return pairs


def read_thresholds(option: str, text: str | None, default: Sequence[float] = (DEFAULT_THRESHOLD,)) -> Sequence[float]:
    """Return numbers from 0 to 10, each once, as `4,5.5,6` lists them; the default where nothing was typed."""
    if text is None:
        return default
    values = dict.fromkeys(_read_threshold(option, part.strip()) for part in text.split(","))
    if len(values) > MOST_PAIRS:
        raise UsageError(f"{len(values):,} thresholds are too many for {option}.", do=f"give at most {MOST_PAIRS}")
    return list(values)


def _read_threshold(option: str, part: str) -> float:
    try:
        value = float(part) if part.isascii() and "_" not in part else -1.0
    except ValueError:
        value = -1.0
    if not 0 <= value <= 10:  # also false of what is no number
        said = part if len(part) <= LONGEST_SHOWN else f"{part[:LONGEST_SHOWN]}…"
        raise UsageError(
            f"{said!r} is not a threshold: {option} takes numbers from 0 to 10.", do=f"write them like {option} 4,5,6,7"
        )
    return value


def make_grid(pairs: Sequence[Pair], rules: Sequence[ThresholdRule], given: dict[str, Any]) -> list[SelectionConfig]:
    """Return a selection for each rule and pair of thresholds."""
    from tasks.config import SelectionConfig

    return [
        SelectionConfig(rule=rule.value, sensibility_threshold=s, rationality_threshold=r, **given)
        for rule in dict.fromkeys(rules)
        for s, r in pairs
    ]


def make_targets(
    grid: Sequence[SelectionConfig], target_share: float | None, axis: AxisName | None
) -> list[SelectionConfig]:
    """Return the selections whose threshold is to be found: one for each rule and threshold of the other axis."""
    from tasks.config import SelectionConfig

    if target_share is None:
        if axis is not None:
            raise UsageError("--axis belongs to --target-share.", do="give it with --target-share 0.59")
        return []
    if not 0 < target_share < 1:
        raise UsageError(
            f"{target_share:g} is not a share: --target-share takes a number above 0 and below 1.",
            do="write 59 % as --target-share 0.59",
        )
    found = f"{axis or 'sensibility'}_threshold"
    wanted = {"target_share": target_share, "axis": axis, found: DEFAULT_THRESHOLD}
    moved = (SelectionConfig(**{**one.model_dump(), **wanted}) for one in grid)
    return list(dict.fromkeys(moved))
