"""What the comparison of mixture and union control allows one to say."""

from __future__ import annotations

import polars as pl

from tasks.reporting.sections.measures import Measures, Verdict, compare_systems, read_verdict
from tasks.reporting.wording import join_words

OPENING = "The mixture against one adapter trained on the same turns (the union control)"
PAIR = ("mixture", "union")


def tell_control(measures: Measures, comparisons: pl.DataFrame | None = None) -> list[str]:
    """Return a sentence on the mixture against its control, or nothing if one of them was not measured.

    By the paired test where there is one, which sees more than two intervals side by side do.
    """
    verdict, nothing_found = judge_control(measures, comparisons)
    if verdict is None:
        return []
    if not (verdict.better or verdict.worse):
        return [f"{OPENING}: {nothing_found} on every metric compared, so this run does not settle which is better."]
    parts = []
    if verdict.better:
        parts.append(f"the mixture is better on {join_words(verdict.better)}")
    if verdict.worse:
        parts.append(f"the mixture is worse on {join_words(verdict.worse)}")
    if verdict.open:
        parts.append(f"{nothing_found} on {join_words(verdict.open)}, so this run does not settle it there")
    sentence = "; ".join(parts)
    return [f"{OPENING}: {sentence}."]


def warn_of_overlap(measures: Measures, comparisons: pl.DataFrame | None = None) -> list[str]:
    """Return what that comparison forbids one to claim, or nothing if it leaves nothing open."""
    verdict, nothing_found = judge_control(measures, comparisons)
    if verdict is None or not verdict.open:
        return []
    return [
        "This run cannot say that a mixture beats one adapter trained on the same turns, or that it does not: "
        f"of mixture and union control {nothing_found} on {join_words(verdict.open)}."
    ]


def judge_control(measures: Measures, comparisons: pl.DataFrame | None) -> tuple[Verdict | None, str]:
    """Return how the two compare, and how to say of metrics that nothing was found."""
    if comparisons is not None and (verdict := read_verdict(comparisons, *PAIR)) is not None:
        return verdict, "the paired test finds no difference"
    return compare_systems(measures, *PAIR), "the intervals overlap"
