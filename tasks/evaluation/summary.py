"""From responses to the table of metrics: every system, every metric, with its interval."""

from __future__ import annotations

from collections import defaultdict
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
SYSTEM_ORDER: tuple[str, ...] = get_args(SystemName)


def summarise(responses: pl.DataFrame, config: EvaluationConfig) -> pl.DataFrame:
    """Return one row (system, metric, value, low, high, n) for each metric of each system.

    `responses` are the rows of `evaluate_system`, of any number of systems. Perplexity is over all turns
    that have tokens, the other metrics over those that have a response; `low` and `high` are the 95 %
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
    rows = rows.sort("turn_key", "dialogue_id", "utterance_idx")
    scored = rows.filter(pl.col("n_tokens") > 0)
    answered = rows.filter(pl.col("response").is_not_null())
    metrics: dict[str, AdditiveMetric] = {}
    if len(scored):
        metrics["perplexity"] = measure_perplexity(scored["nll"].to_list(), scored["n_tokens"].to_list())
    if len(answered):
        texts, references = answered["response"].to_list(), answered["reference"].to_list()
        words, wanted = tokenize(texts), tokenize(references)
        metrics |= {f"bleu_{n}": metric for n, metric in measure_bleu(words, wanted).items()}
        metrics |= {f"dist_{n}": measure_dist(words, n) for n in (1, 2)}
        rouges = measure_rouge(texts, references)
        metrics |= {f"rouge_{kind.removeprefix('rouge').lower()}": metric for kind, metric in rouges.items()}
        metrics["f1"] = measure_f1(words, wanted)
    return metrics


def rank_system(system: str) -> tuple[int, str]:
    """Return the place of a system in tables; systems we do not know come last, by name."""
    return (SYSTEM_ORDER.index(system) if system in SYSTEM_ORDER else len(SYSTEM_ORDER), system)
