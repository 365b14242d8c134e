"""Perplexity of the references under a model: exp of the mean negative log-likelihood of a token."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.evaluation.metrics.additive import AdditiveMetric, Floats, divide


def perplexity(nll: Sequence[float], n_tokens: Sequence[int]) -> float:
    """Return exp(sum of nll / sum of tokens) from each turn's nll (nats, summed over its response tokens).

    Comparable only between models of one tokenizer.
    """
    return measure_perplexity(nll, n_tokens).value


def measure_perplexity(nll: Sequence[float], n_tokens: Sequence[int]) -> AdditiveMetric:
    """Return perplexity as a metric over turns."""
    return AdditiveMetric(np.array([nll, n_tokens], float).T, combine_perplexity)


def combine_perplexity(sums: Floats) -> Floats:
    """Return the perplexity from summed nll and summed tokens."""
    return np.exp(divide(sums[..., 0], sums[..., 1]))
