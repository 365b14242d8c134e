"""The tests that the paper's claims need: two systems on the same turns, whole dialogues resampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import get_args

import numpy as np
import polars as pl

from tasks.config import ControlName, EvaluationConfig, SystemName
from tasks.evaluation.bootstrap import PairedDifference, compare_all
from tasks.evaluation.metrics import AdditiveMetric
from tasks.evaluation.summary import TURN, list_measurements
from tasks.progress import report_progress

COMPARISONS: tuple[tuple[SystemName, SystemName], ...] = (
    ("mixture", "union"),
    ("mixture", "sensibility"),
    ("mixture", "rationality"),
    ("mixture", "base"),
    ("sensibility", "full"),
    ("sensibility", "random"),
    ("sensibility", "length-matched"),
    ("sensibility", "base"),
    ("rationality", "base"),
    ("prompted", "base"),
)
"""A system, and what it must be compared with before anything is claimed for it."""
COMPARISONS_SCHEMA: dict[str, type[pl.DataType]] = {
    "a": pl.String,
    "b": pl.String,
    "metric": pl.String,
    "difference": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p_value": pl.Float64,
    "n": pl.Int64,
}


def list_partners(systems: Sequence[str]) -> tuple[SystemName, ...]:
    """Return what these systems must be compared with and is not among them."""
    return tuple(dict.fromkeys(b for a, b in COMPARISONS if a in systems and b not in systems))


def list_missing_controls(systems: Sequence[str]) -> tuple[ControlName, ...]:
    """Return the controls that a claim about these systems needs and that are not among them."""
    partners = list_partners(systems)
    return tuple(name for name in get_args(ControlName) if name in partners)


def compare_pairs(responses: pl.DataFrame, config: EvaluationConfig) -> pl.DataFrame:
    """Return one row (a, b, metric, difference, low, high, p_value, p_adjusted, n) for each metric of each pair.

    `responses` are the rows of `evaluate_system`; a pair of COMPARISONS counts if both its systems have rows, on the
    `n` turns that were measured for both. `difference` is a - b, `low` and `high` its 95 % percentile interval over
    `config.bootstrap` draws of whole dialogues, `p_value` two-sided, null where there are too few dialogues (see
    PairedDifference). `p_adjusted` is Holm's: the chance of one false finding among all tests of that metric is held.
    """
    present = set(responses["system"].unique())
    pairs = [(a, b) for a, b in COMPARISONS if {a, b} <= present]
    by_system = {system: MeasuredSystem(responses.filter(pl.col("system") == system)) for system in present}
    rows = []
    for done, (a, b) in enumerate(pairs):
        report_progress("paired tests", done, len(pairs), pair=f"{a} - {b}")
        found = compare_pair(by_system[a], by_system[b], config)
        rows += [(a, b, metric, *astuple(difference)) for metric, difference in found.items()]
    report_progress("paired tests", len(pairs), len(pairs))
    frame = pl.DataFrame(rows, schema=COMPARISONS_SCHEMA, orient="row")
    adjusted = pl.col("p_value").map_batches(adjust_holm, pl.Float64).over("metric").alias("p_adjusted")
    return frame.with_columns(adjusted).select(*list(COMPARISONS_SCHEMA)[:-1], "p_adjusted", "n")


class MeasuredSystem:
    """The rows of one system, and what they measure on all their turns: computed once, for however many pairs."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self._parts = [
            (rows.filter(is_measured).sort(TURN), measure) for is_measured, measure in list_measurements(rows)
        ]
        self._whole: dict[int, dict[str, AdditiveMetric]] = {}

    def list_turns(self) -> list[pl.DataFrame]:
        """Return the turns that each kind of measurement is over."""
        return [rows.select(TURN) for rows, _ in self._parts]

    def measure(self, kind: int, turns: pl.DataFrame) -> dict[str, AdditiveMetric]:
        """Return the metrics of one kind of measurement on these of its turns."""
        rows, measure = self._parts[kind]
        if len(turns) < len(rows):
            return measure(rows.join(turns, on=TURN, how="semi").sort(TURN))  # a join promises no order
        if kind not in self._whole:
            self._whole[kind] = measure(rows)
        return self._whole[kind]


def compare_pair(a: MeasuredSystem, b: MeasuredSystem, config: EvaluationConfig) -> dict[str, PairedDifference]:
    """Return the differences of all metrics, a - b, on the turns that both have."""
    found: dict[str, PairedDifference] = {}
    for kind, (turns_a, turns_b) in enumerate(zip(a.list_turns(), b.list_turns(), strict=True)):
        turns = turns_a.join(turns_b, on=TURN, how="semi").sort(TURN)
        if turns.is_empty():
            continue
        of_b = b.measure(kind, turns)
        both = {name: (metric, of_b[name]) for name, metric in a.measure(kind, turns).items()}
        found |= compare_all(both, turns["dialogue_id"].to_list(), config.bootstrap, config.seed)
    return found


def adjust_holm(p_values: pl.Series) -> pl.Series:
    """Return p-values that hold the chance of one false finding among all of them (Holm 1979, step down).

    What is null was not tested: it stays null, and does not count.
    """
    tested = p_values.is_not_null().to_numpy()
    values = p_values.drop_nulls().to_numpy()
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.full(len(tested), np.nan)
    adjusted[np.flatnonzero(tested)[order]] = np.minimum(stepped, 1.0)
    return pl.Series(adjusted, dtype=pl.Float64).fill_nan(None)
