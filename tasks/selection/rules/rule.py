"""What a rule is: two expressions over a scored turn, and what they compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tasks.config import SelectionConfig

Sizes = Callable[[SelectionConfig, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Rule:
    """Where a scored turn goes, and why, as SQL CASE expressions of equal shape.

    `subset` yields 'sensibility', 'rationality' or 'discard'; `reason` names the inequality that decided. They see `s`
    and `r` (by default the scores, mapped where a calibration is chosen), the thresholds `ts` and `tr`, and `k_sd`; a
    rule that ranks sees what `rules.ranking` adds.
    """

    name: str
    summary: str
    subset: str
    reason: str
    s: str = "calibrate_sensibility(sensibility)"
    r: str = "calibrate_rationality(rationality)"
    sizes: Sizes | None = None
    """Of a rule that ranks: how many of n turns go to the axis' subset, and how many of the rest to the other."""
