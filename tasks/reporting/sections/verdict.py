"""What the comparison of mixture and union control allows one to say."""

from __future__ import annotations

from tasks.reporting.sections.measures import Measures, compare_systems
from tasks.reporting.wording import join_words

OPENING = "The mixture against one adapter trained on the same turns (the union control)"


def tell_control(measures: Measures) -> list[str]:
    """Return a sentence on the mixture against its control, or nothing if one of them was not measured."""
    verdict = compare_systems(measures, "mixture", "union")
    if verdict is None:
        return []
    if not (verdict.better or verdict.worse):
        return [
            f"{OPENING}: their intervals overlap on every metric compared, so this run does not settle which is better."
        ]
    parts = []
    if verdict.better:
        parts.append(f"the mixture is better on {join_words(verdict.better)}")
    if verdict.worse:
        parts.append(f"the mixture is worse on {join_words(verdict.worse)}")
    if verdict.open:
        parts.append(f"the intervals overlap on {join_words(verdict.open)}, so this run does not settle it there")
    sentence = "; ".join(parts)
    return [f"{OPENING}: {sentence}."]


def warn_of_overlap(measures: Measures) -> list[str]:
    """Return what the overlap of those intervals forbids one to claim, or nothing if none overlap."""
    verdict = compare_systems(measures, "mixture", "union")
    if verdict is None or not verdict.open:
        return []
    return [
        "This run cannot say that a mixture beats one adapter trained on the same turns, or that it does not: "
        f"the intervals of mixture and union control overlap on {join_words(verdict.open)}."
    ]
