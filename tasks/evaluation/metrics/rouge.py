"""ROUGE-1, ROUGE-2 and ROUGE-L: the mean F-measure of each response against its reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tasks.evaluation.metrics.additive import AdditiveMetric, Floats, divide

RougeKind = Literal["rouge1", "rouge2", "rougeL"]
ROUGE_KINDS: tuple[RougeKind, ...] = ("rouge1", "rouge2", "rougeL")


def rouge(responses: Sequence[str], references: Sequence[str], kind: RougeKind) -> float:
    """Return 100 x mean ROUGE F-measure, by the package rouge-score (lower-cased, no stemming).

    Source: Lin 2004.
    """
    return measure_rouge(responses, references)[kind].value


def measure_rouge(responses: Sequence[str], references: Sequence[str]) -> dict[RougeKind, AdditiveMetric]:
    """Return the three ROUGE metrics of texts, one F-measure a turn."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(ROUGE_KINDS)
    scored = [scorer.score(reference, response) for response, reference in zip(responses, references, strict=True)]
    ones = np.ones(len(scored))
    return {
        kind: AdditiveMetric(np.stack([[score[kind].fmeasure for score in scored], ones], axis=1), take_mean)
        for kind in ROUGE_KINDS
    }


def take_mean(sums: Floats) -> Floats:
    """Return 100 x the mean from the sums of values and of ones."""
    return 100 * divide(sums[..., 0], sums[..., 1])
