"""The evaluation's metrics as a report compares them: by their intervals."""

from __future__ import annotations

import math
from typing import NamedTuple, get_args

import polars as pl

from tasks.config import SystemName
from tasks.evaluation import is_found

LABELS = {
    "perplexity": "Perplexity",
    "bleu_1": "BLEU-1", "bleu_2": "BLEU-2", "bleu_3": "BLEU-3", "bleu_4": "BLEU-4",
    "rouge_1": "ROUGE-1", "rouge_2": "ROUGE-2", "rouge_l": "ROUGE-L",
    "dist_1": "Dist-1", "dist_2": "Dist-2",
    "f1": "F1",
    "judged_sensibility": "Judged sensibility", "judged_rationality": "Judged rationality",
}  # fmt: skip
HEADLINE = (
    "perplexity", "bleu_1", "bleu_4", "rouge_l", "dist_1", "dist_2", "judged_sensibility", "judged_rationality",
)  # fmt: skip
LOWER_IS_BETTER = frozenset({"perplexity"})


class Measure(NamedTuple):
    """One metric of one system with its interval, over n turns."""

    value: float
    low: float
    high: float
    n: int

    @property
    def is_finite(self) -> bool:
        """Say whether it can be drawn: a model gone astray has a perplexity of infinity."""
        return all(map(math.isfinite, (self.value, self.low, self.high)))


Measures = dict[str, dict[str, Measure]]
"""By metric, then by system."""


def read_measures(metrics: pl.DataFrame) -> Measures:
    """Return the rows of `metrics.parquet` by metric (in the order of LABELS, others last) and system."""
    found: Measures = {name: {} for name in LABELS}
    columns = metrics.select("metric", "system", "value", "low", "high", "n")
    for metric, system, value, low, high, n in columns.iter_rows():
        if value is not None and not math.isnan(value):
            found.setdefault(metric, {})[system] = Measure(value, low, high, n)
    return {metric: systems for metric, systems in found.items() if systems}


def overlap(a: Measure, b: Measure) -> bool:
    """Say whether two intervals have a point in common."""
    return a.low <= b.high and b.low <= a.high


def is_clearly_better(metric: str, a: Measure, b: Measure) -> bool:
    """Say whether a is better than b by intervals that do not overlap."""
    return not overlap(a, b) and (a.value < b.value) == (metric in LOWER_IS_BETTER)


class Verdict(NamedTuple):
    """How two systems compare, metric by metric: names of metrics in each group."""

    better: list[str]
    worse: list[str]
    open: list[str]


def compare_systems(measures: Measures, system: str, other: str) -> Verdict | None:
    """Return on which headline metrics `system` is clearly better or worse than `other`, or neither.

    None where they have no metric in common.
    """
    verdict = Verdict([], [], [])
    for metric in HEADLINE:
        a, b = measures.get(metric, {}).get(system), measures.get(metric, {}).get(other)
        if a is None or b is None:
            continue
        if overlap(a, b):
            verdict.open.append(LABELS[metric])
        else:
            (verdict.better if is_clearly_better(metric, a, b) else verdict.worse).append(LABELS[metric])
    return verdict if any(verdict) else None


def read_verdict(comparisons: pl.DataFrame, system: str, other: str) -> Verdict | None:
    """Return on which headline metrics `system` is better or worse than `other` by the paired test, or neither.

    None where the two were not tested.
    """
    tested = comparisons.filter((pl.col("a") == system) & (pl.col("b") == other))
    by_metric = {row["metric"]: row for row in tested.iter_rows(named=True)}
    verdict = Verdict([], [], [])
    for metric in (metric for metric in HEADLINE if metric in by_metric):
        row = by_metric[metric]
        if not is_found(row["p_adjusted"]):
            verdict.open.append(LABELS[metric])
        else:
            is_better = (row["difference"] < 0) == (metric in LOWER_IS_BETTER)
            (verdict.better if is_better else verdict.worse).append(LABELS[metric])
    return verdict if any(verdict) else None


def order_systems(measures: Measures) -> list[str]:
    """Return the systems of any metric in the order of the config, those it does not know last."""
    known: tuple[str, ...] = get_args(SystemName)
    present = {system for systems in measures.values() for system in systems}
    return [name for name in known if name in present] + sorted(present.difference(known))
