"""What a rule is: two expressions over `s` (sensibility), `r` (rationality) and the thresholds `ts`, `tr`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """Where a scored turn goes, and why, as SQL CASE expressions of equal shape.

    `subset` yields 'sensibility', 'rationality' or 'discard'; `reason` names the inequality that decided.
    """

    name: str
    summary: str
    subset: str
    reason: str
