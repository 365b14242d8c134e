"""Dist-n: how varied a system's words are, unique over total n-grams of all its responses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.evaluation.metrics.additive import AdditiveMetric, Floats, divide
from tasks.evaluation.metrics.tokens import list_ngrams


def dist_n(responses: Sequence[str], n: int) -> float:
    """Return 100 x unique / total n-grams over the whole corpus, words split at white space, case kept.

    Source: Li et al. 2016 (distinct-n), corpus level as in MoEL, CEM and the paper's released code.
    Published figures are for lower-cased, tokenized text: pass `" ".join(words)` of `tokenize` to
    compare with them (raw text glues punctuation to words and about doubles Dist-1).
    """
    return measure_dist([response.split() for response in responses], n).value


def measure_dist(texts: Sequence[Sequence[str]], n: int) -> AdditiveMetric:
    """Return Dist-n of tokenized responses, with a resample that keeps its level.

    A resample repeats turns, and a repeated turn brings no new n-gram: the plain bootstrap puts the
    Dist-2 of 1,000 human responses at 46 instead of 68, and its percentiles miss the value. So each
    turn counts with what it alone adds (the n-grams no other turn has), the first-order expansion
    whose spread is the jackknife's: unique(w) = shared + sum_i w_i own_i. Checked against repeated
    samples of EmpatheticDialogues: nominal 95 % intervals held the truth in 91 to 98 %.
    """
    grams = [list_ngrams(words, n) for words in texts]
    n_holders: dict[tuple[str, ...], int] = {}
    for listed in grams:
        for gram in set(listed):
            n_holders[gram] = n_holders.get(gram, 0) + 1
    own = [sum(n_holders[gram] == 1 for gram in set(listed)) for listed in grams]
    shared = sum(holders > 1 for holders in n_holders.values())
    columns = np.array([own, [len(listed) for listed in grams]], float).T

    def combine(sums: Floats) -> Floats:
        return np.minimum(100 * divide(shared + sums[..., 0], sums[..., 1]), 100.0)

    return AdditiveMetric(columns, combine)
