"""Bootstrap: how far a metric, or the difference of two systems, could move with other turns.

Every metric is a sum over turns (`AdditiveMetric`), so a resample is a row of weights, how often each
turn was drawn, and a thousand resamples of every metric are one matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from tasks.evaluation.metrics import AdditiveMetric, measure_perplexity
from tasks.evaluation.metrics.additive import Floats

BLOCK = 256
"""Resamples drawn at once: 256 x 5,255 weights are 11 MB."""
LEAST_UNITS = 10
"""Dialogues (or turns, where those are drawn) that a test needs: resamples of fewer say little of what others would."""

Name = TypeVar("Name", bound=str)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its percentile interval, and the number of turns it was measured on."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """How much a differs from b on the same turns (a - b), with its interval and two-sided p-value.

    There is no p-value under LEAST_UNITS dialogues, and no interval of one alone.
    """

    difference: float
    low: float | None
    high: float | None
    p_value: float | None
    n: int


def bootstrap_intervals(
    metrics: Mapping[Name, AdditiveMetric],
    n_resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    dialogues: Sequence[str] | None = None,
) -> dict[Name, Interval]:
    """Return each metric with the percentile interval of `n_resamples` draws of its turns, or of whole `dialogues`.

    Metrics over the same turns (of several systems, too) see the same draws, as does every call with
    the same seed and number of turns. Raises ValueError if the numbers of turns differ or are 0.
    """
    n_turns = count_turns(list(metrics.values()))
    samples = resample_metrics(list(metrics.values()), draw_weights(n_turns, n_resamples, seed, dialogues))
    bounds = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2], axis=1)
    return {
        name: Interval(metric.value, float(low), float(high), n_turns)
        for (name, metric), low, high in zip(metrics.items(), *bounds, strict=True)
    }


def paired_bootstrap(
    nll_a: Sequence[float],
    n_a: Sequence[int],
    nll_b: Sequence[float],
    n_b: Sequence[int],
    dialogues: Sequence[str] | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> PairedDifference:
    """Return the difference of two systems' perplexities, row i of both being the same turn.

    `nll_*` are nats and `n_*` tokens of each turn's response. With `dialogues`, the dialogue of each
    turn, whole dialogues are drawn, which is the honest unit where turns of one dialogue are alike; without them the
    unit is the turn.
    """
    return compare_paired(measure_perplexity(nll_a, n_a), measure_perplexity(nll_b, n_b), dialogues, n_resamples, seed)


def compare_paired(
    a: AdditiveMetric,
    b: AdditiveMetric,
    dialogues: Sequence[str] | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> PairedDifference:
    """Return a - b of one metric of two systems on the same turns (see `paired_bootstrap`).

    Raises ValueError if the numbers of turns differ or are 0.
    """
    return compare_all({"metric": (a, b)}, dialogues, n_resamples, seed)["metric"]


def compare_all(
    pairs: Mapping[Name, tuple[AdditiveMetric, AdditiveMetric]],
    dialogues: Sequence[str] | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> dict[Name, PairedDifference]:
    """Return the difference of every pair, all over the same turns and the same draws of them.

    The p-value is twice the smaller share of resamples on one side of 0, counting the data itself as one (so it is
    never 0); a resample whose difference is no number counts on both sides. See PairedDifference for where there is
    no p-value or no interval.
    """
    both = [metric for pair in pairs.values() for metric in pair]
    n_turns = count_turns(both)
    n_units = n_turns if dialogues is None else len(set(dialogues))
    drawn = resample_metrics(both, draw_weights(n_turns, n_resamples, seed, dialogues))
    found = {}
    for (name, (a, b)), differences in zip(pairs.items(), drawn[::2] - drawn[1::2], strict=True):
        low, high = np.quantile(differences, [0.025, 0.975]).tolist() if n_units > 1 else (None, None)
        tail = min(np.sum(~(differences > 0)), np.sum(~(differences < 0)))
        p_value = min(1.0, 2 * (float(tail) + 1) / (n_resamples + 1)) if n_units >= LEAST_UNITS else None
        found[name] = PairedDifference(a.value - b.value, low, high, p_value, n_turns)
    return found


def count_turns(metrics: Sequence[AdditiveMetric]) -> int:
    """Return the number of turns that all metrics share; raises ValueError if there is no such number."""
    counts = {metric.n_turns for metric in metrics}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(f"metrics must be over the same turns, at least one; got numbers of turns {counts}")
    return counts.pop()


def resample_metrics(metrics: Sequence[AdditiveMetric], weights: Iterator[Floats]) -> Floats:
    """Return the value of each metric in each resample, shape [n_metrics, n_resamples]."""
    columns = np.concatenate([metric.columns for metric in metrics], axis=1)
    ends = np.cumsum([metric.columns.shape[1] for metric in metrics])[:-1]
    blocks = []
    for block in weights:
        sums = np.split(block @ columns, ends, axis=1)
        blocks.append([metric.combine(part) for metric, part in zip(metrics, sums, strict=True)])
    return np.concatenate(blocks, axis=1)


def draw_weights(n_turns: int, n_resamples: int, seed: int, dialogues: Sequence[str] | None = None) -> Iterator[Floats]:
    """Yield blocks [up to 256, n_turns]: how often each turn, or its whole dialogue, was drawn."""
    random = np.random.default_rng(seed)
    unit_of_turn = None
    n_units = n_turns
    if dialogues is not None:
        names, unit_of_turn = np.unique(np.asarray(dialogues), return_inverse=True)
        n_units = len(names)
    for start in range(0, n_resamples, BLOCK):
        n_rows = min(BLOCK, n_resamples - start)
        drawn = random.integers(0, n_units, size=(n_rows, n_units))
        drawn += np.arange(n_rows)[:, None] * n_units
        weights = np.bincount(drawn.ravel(), minlength=n_rows * n_units).reshape(n_rows, n_units).astype(float)
        yield weights if unit_of_turn is None else weights[:, unit_of_turn]
