"""Corpus F1: how many words responses and references share, order ignored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from tasks.evaluation.metrics.additive import AdditiveMetric, Floats, divide
from tasks.evaluation.metrics.tokens import tokenize


def f1(responses: Sequence[str], references: Sequence[str]) -> float:
    """Return 100 x F1 of the words (with multiplicity) of responses against their references.

    As in the paper's released code, matches and lengths are summed over the corpus first, so that
    long turns weigh more; ParlAI's F1 of the same name is the mean over turns.
    """
    return measure_f1(tokenize(responses), tokenize(references)).value


def measure_f1(responses: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> AdditiveMetric:
    """Return corpus F1 of tokenized texts."""
    rows = [
        ((Counter(words) & Counter(wanted)).total(), len(words) + len(wanted))
        for words, wanted in zip(responses, references, strict=True)
    ]
    return AdditiveMetric(np.array(rows, float).reshape(len(rows), 2), combine_f1)


def combine_f1(sums: Floats) -> Floats:
    """Return 100 x the harmonic mean of precision and recall, which is twice the matches over both lengths."""
    return 100 * divide(2 * sums[..., 0], sums[..., 1])
