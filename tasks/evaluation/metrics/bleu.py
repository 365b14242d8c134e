"""Corpus BLEU-1..4 as the paper's released code computes it: nltk's `corpus_bleu`, smoothing method 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np

from tasks.evaluation.metrics.additive import AdditiveMetric, Floats, divide
from tasks.evaluation.metrics.tokens import list_ngrams, tokenize

MAX_ORDER = 4
# What method 1 puts in the place of no match at all. The released code sets 1e-12; nltk's default of 0.1
# would give a few responses without one common 4-gram a BLEU-4 of several points.
EPSILON = 1e-12


def bleu_n(responses: Sequence[str], references: Sequence[str], n: int) -> float:
    """Return 100 x corpus BLEU-n (uniform weights over orders 1..n), one reference a response.

    Words are those of `tokenize`. Source: Papineni et al. 2002; Chen and Cherry 2014 for method 1.
    """
    return measure_bleu(tokenize(responses), tokenize(references))[n].value


def measure_bleu(responses: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> dict[int, AdditiveMetric]:
    """Return BLEU-1..4 of tokenized texts by order; they share one table of counts."""
    rows = [count_matches(words, wanted) for words, wanted in zip(responses, references, strict=True)]
    columns = np.array(rows, float).reshape(len(rows), 2 * MAX_ORDER + 2)
    return {n: AdditiveMetric(columns, partial(combine_bleu, n=n)) for n in range(1, MAX_ORDER + 1)}


def count_matches(words: Sequence[str], reference: Sequence[str]) -> list[int]:
    """Return one turn's counts: clipped matches of orders 1..4, n-grams of orders 1..4, both lengths."""
    matches, totals = [], []
    for n in range(1, MAX_ORDER + 1):
        grams = list_ngrams(words, n)
        common = Counter(grams) & Counter(list_ngrams(reference, n))
        matches.append(common.total())
        totals.append(max(1, len(grams)))  # nltk counts a text that is too short for the order as one miss
    return [*matches, *totals, len(words), len(reference)]


def combine_bleu(sums: Floats, n: int) -> Floats:
    """Return 100 x BLEU-n from summed counts [..., 10]; 0 where not one word matches."""
    matches, totals = sums[..., :n], sums[..., MAX_ORDER : MAX_ORDER + n]
    length, reference_length = sums[..., -2], sums[..., -1]
    precisions = np.where(matches > 0, matches, EPSILON) / totals
    brevity = np.exp(np.minimum(0.0, 1 - divide(reference_length, length)))
    score = 100 * brevity * np.exp(np.log(precisions).mean(axis=-1))
    return np.where(sums[..., 0] > 0, score, 0.0)
