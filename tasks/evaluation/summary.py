"""From responses to the table of metrics: every system, every metric, with its interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import astuple
from typing import get_args

import polars as pl

from tasks.config import EvaluationConfig, SystemName
from tasks.errors import EmpathyError
from tasks.evaluation.bootstrap import Interval, bootstrap_intervals
from tasks.evaluation.metrics import (
    AdditiveMetric,
    measure_bleu,
    measure_dist,
    measure_f1,
    measure_mean,
    measure_perplexity,
    measure_rouge,
    tokenize,
)
from tasks.progress import report_progress

METRICS_SCHEMA = {
    "system": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
}
TURN = ("dialogue_id", "utterance_idx")
"""What a row is about; rows in this order are paired between systems."""
JUDGED = ("judged_sensibility", "judged_rationality")
"""Columns that `attach_scores` adds, and the metrics of the same names."""
SYSTEM_ORDER: tuple[str, ...] = get_args(SystemName)


def summarise(responses: pl.DataFrame, config: EvaluationConfig) -> pl.DataFrame:
    """Return one row (system, metric, value, low, high, n) for each metric of each system.

    `responses` are the rows of `evaluate_system`, of any number of systems. Perplexity is over all turns
    that have tokens, the judged scores (if the rows have them) over those that were scored, the other metrics
    over those that have a response; `low` and `high` are the 95 %
    percentile interval of `config.bootstrap` draws of the turns, the same draws for every system.
    Raises EmpathyError if there are no rows.
    """
    if responses.is_empty():
        raise EmpathyError("There are no responses to summarise.", do="run `empathy evaluate` on at least one system")
    systems = sorted(responses["system"].unique().to_list(), key=rank_system)
    by_size: dict[int, dict[str, AdditiveMetric]] = defaultdict(dict)  # metrics of one size share their draws
    for done, system in enumerate(systems):
        report_progress("metrics", done, len(systems), system=system)
        for name, metric in measure_system(responses.filter(pl.col("system") == system)).items():
            by_size[metric.n_turns][f"{system}\t{name}"] = metric
    found: dict[str, Interval] = {}
    for metrics in by_size.values():
        found |= bootstrap_intervals(metrics, config.bootstrap, config.seed)
    report_progress("metrics", len(systems), len(systems))
    keys = sorted(found, key=lambda key: rank_system(key.split("\t")[0]))
    rows = [(*key.split("\t"), *astuple(found[key])) for key in keys]
    return pl.DataFrame(rows, schema=METRICS_SCHEMA, orient="row")


def measure_system(rows: pl.DataFrame) -> dict[str, AdditiveMetric]:
    """Return the metrics of one system by name, over turns in the order of their keys.

    Dist is over lower-cased, tokenized words as in the released code: published figures are too.
    """
    rows = rows.sort("turn_key", *TURN)
    metrics: dict[str, AdditiveMetric] = {}
    for is_measured, measure in list_measurements(rows):
        if len(measured := rows.filter(is_measured)):
            metrics |= measure(measured)
    return metrics


def measure_likelihoods(rows: pl.DataFrame) -> dict[str, AdditiveMetric]:
    """Return the perplexity of rows that all have tokens."""
    return {"perplexity": measure_perplexity(rows["nll"].to_list(), rows["n_tokens"].to_list())}


def measure_responses(rows: pl.DataFrame) -> dict[str, AdditiveMetric]:
    """Return the metrics of responses against references of rows that all have a response."""
    texts, references = rows["response"].to_list(), rows["reference"].to_list()
    words, wanted = tokenize(texts), tokenize(references)
    rouges = measure_rouge(texts, references)
    return {
        **{f"bleu_{n}": metric for n, metric in measure_bleu(words, wanted).items()},
        **{f"dist_{n}": measure_dist(words, n) for n in (1, 2)},
        **{f"rouge_{kind.removeprefix('rouge').lower()}": metric for kind, metric in rouges.items()},
        "f1": measure_f1(words, wanted),
    }


def measure_judged(rows: pl.DataFrame) -> dict[str, AdditiveMetric]:
    """Return the mean scores, 0 to 10, of rows that a judge has scored."""
    return {name: measure_mean(rows[name].to_list()) for name in JUDGED}


Measure = Callable[[pl.DataFrame], dict[str, AdditiveMetric]]
MEASUREMENTS: tuple[tuple[pl.Expr, Measure], ...] = (
    (pl.col("n_tokens") > 0, measure_likelihoods),
    (pl.col("response").is_not_null(), measure_responses),
)
"""Which rows can be measured, and by what; every system, and every pair of systems, goes through all of them."""


def list_measurements(rows: pl.DataFrame) -> list[tuple[pl.Expr, Measure]]:
    """Return what these rows are measured by: by their judged scores too, where they were judged."""
    is_judged = set(JUDGED) <= set(rows.columns)
    return [*MEASUREMENTS, *([(pl.col(JUDGED[0]).is_not_null(), measure_judged)] if is_judged else [])]


def rank_system(system: str) -> tuple[int, str]:
    """Return the place of a system in tables; systems we do not know come last, by name."""
    return (SYSTEM_ORDER.index(system) if system in SYSTEM_ORDER else len(SYSTEM_ORDER), system)
