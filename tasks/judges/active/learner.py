"""What has been learnt from the scores that an LLM gave so far: scores, intervals and subsets of the other turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.judges.active.ordinal import Floats, Logistic, OrdinalHead, Predicted, fit_logistic, fit_ordinal
from tasks.judges.corpus import Corpus
from tasks.judges.cross_validation import split_turns
from tasks.judges.distill import assemble_weights, predict_unseen
from tasks.schema import Turn
from tasks.scoring import DIMENSIONS, DistilledJudge, write_weights

FOLDS = 5
"""Each label is predicted by a regression that has not seen its dialogue: four fifths of all labels are behind it."""


@dataclass(frozen=True)
class Guess:
    """What is expected of n turns that were not asked for."""

    scores: Floats
    """Medians, shape (n, 2): sensibility, rationality."""
    deviations: Floats
    straddles: NDArray[np.bool_]
    """Whether an interval of COVERAGE holds the selection threshold of its dimension, shape (n,)."""
    disagreement: Floats
    """Chance that the teacher's scores put the turn into another subset than `scores` do, shape (n,)."""


@dataclass(frozen=True)
class Learner:
    """A distilled judge fitted to the labels, and the distribution of the teacher's scores given its predictions."""

    judge: DistilledJudge
    heads: tuple[OrdinalHead, ...]
    subsets: tuple[Logistic, Logistic]
    """Chance of the sensibility and of the rationality subset."""
    thresholds: tuple[float, float]

    def guess(self, turns: Sequence[Turn]) -> Guess:
        """Return what is expected of turns."""
        z = self.judge.score(turns).ranks
        predicted = [head.predict(z) for head in self.heads]
        scores = np.column_stack([one.median for one in predicted])
        chances = np.column_stack([curve.predict(z) for curve in self.subsets])
        # the curves are fitted one by one: where both are high they must not add to more than there is
        chances /= np.maximum(1, chances.sum(axis=1, keepdims=True))
        sensibility, rationality = split_turns(scores, *self.thresholds)
        right = np.where(sensibility, chances[:, 0], np.where(rationality, chances[:, 1], 1 - chances.sum(axis=1)))
        return Guess(
            scores, np.column_stack([one.deviation for one in predicted]), self._straddle(predicted), 1 - right
        )

    def _straddle(self, predicted: list[Predicted]) -> NDArray[np.bool_]:
        sides = [
            (one.low <= bound) & (one.high >= bound) & (one.low < one.high)
            for one, bound in zip(predicted, self.thresholds, strict=True)
        ]
        return sides[0] | sides[1]

    def write(self, path: Path) -> str:
        """Write the weights of the distilled judge, which `--judge distilled:FILE` takes; return the file's sha256."""
        return write_weights(self.judge.weights, path)


def fit_learner(corpus: Corpus, thresholds: tuple[float, float]) -> Learner:
    """Fit a learner to scored turns. The labels may be chosen by earlier learners: all is conditional on the turns.

    The curves are fitted on predictions for dialogues that the regression behind them had not seen.
    """
    unseen = predict_unseen(corpus, FOLDS)
    judge = DistilledJudge(assemble_weights(corpus, unseen))
    heads = tuple(fit_ordinal(unseen, corpus.teacher[:, column], thresholds) for column in range(len(DIMENSIONS)))
    sensibility, rationality = split_turns(corpus.teacher, *thresholds)
    return Learner(judge, heads, (fit_logistic(unseen, sensibility), fit_logistic(unseen, rationality)), thresholds)
