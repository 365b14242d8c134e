"""How well a distilled judge stands in for its teacher on dialogues it has not seen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from tasks.judges.corpus import build_corpus
from tasks.judges.distill import INNER_FOLDS, fit_weights
from tasks.judges.folds import assign_folds
from tasks.judges.kernel import RememberingEncoder
from tasks.progress import report_progress
from tasks.schema import Turn
from tasks.scoring import DIMENSIONS, DistilledJudge, DistilledScores, Encoder, embed_turns

THRESHOLDS = (4, 5, 6, 7)


@dataclass(frozen=True)
class DimensionFigures:
    """Agreement of one dimension with the teacher."""

    name: str
    spearman_ranks: float
    """Spearman of the expected ranks, which order turns of equal score."""
    spearman_scores: float
    """Spearman of the scores as they are stored and selected by."""
    equal: float
    """Share of turns with the teacher's score."""
    within_one: float
    """Share of turns at most one point from it."""
    rmse: float
    stated_rmse: float
    """What the judge's own deviations say the root mean square error is."""
    mean: float
    teacher_mean: float
    teacher_mode_share: float
    """Share of the teacher's most frequent score: how far it saturates."""
    coverage: float
    """Share of the teacher's scores inside the judge's intervals."""
    interval_width: float
    """Mean distance between an interval's bounds, in points."""


@dataclass(frozen=True)
class ThresholdFigures:
    """Selection by the paper's rule at one threshold: shares (sensibility, rationality, discard) and overlaps."""

    threshold: int
    teacher: tuple[float, float, float]
    judge: tuple[float, float, float]
    sensibility_jaccard: float
    rationality_jaccard: float
    sensibility_chance: float
    """Overlap that random subsets of these sizes have."""
    rationality_chance: float


@dataclass(frozen=True)
class CrossValidation:
    """Figures on unseen dialogues, every turn scored by a judge fitted without its dialogue."""

    n_turns: int
    n_dialogues: int
    n_folds: int
    dimensions: tuple[DimensionFigures, ...]
    thresholds: tuple[ThresholdFigures, ...]
    turns_per_second: float
    """Turns scored in a second of one core, in this run: features, prediction and maps; encoding too, if any."""
    stated_coverage: float
    """What the judge says of its intervals."""


def cross_validate(
    turns: Sequence[Turn],
    dialogue_ids: Sequence[str],
    sensibility: Sequence[float],
    rationality: Sequence[float],
    n_folds: int = 5,
    inner_folds: int = INNER_FOLDS,
    encoder: Encoder | None = None,
) -> CrossValidation:
    """Return how the judge that `distill` would fit agrees with the teacher, by grouped cross-validation.

    Takes n_folds * (inner_folds + 1) fits. Raises ConfigError where the inputs do not fit together.
    """
    started = time.process_time()
    if encoder is not None:  # each text is encoded once, and its time counted once
        encoder = RememberingEncoder(encoder)
        embed_turns(turns, encoder)
    seconds = time.process_time() - started
    corpus = build_corpus(turns, dialogue_ids, sensibility, rationality, encoder)
    folds = assign_folds(dialogue_ids, n_folds)
    shape = corpus.teacher.shape
    scored = DistilledScores(*(np.empty(shape) for _ in fields(DistilledScores)))
    for fold in range(n_folds):
        seen, held_out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        judge = DistilledJudge(fit_weights(corpus.take(seen), inner_folds), encoder=encoder)
        unseen = [turns[row] for row in held_out.tolist()]
        started = time.process_time()
        part = judge.score(unseen)
        seconds += time.process_time() - started
        for field in fields(DistilledScores):
            getattr(scored, field.name)[held_out] = getattr(part, field.name)
        report_progress("cross-validate judge", fold + 1, n_folds)
    return CrossValidation(
        n_turns=len(turns),
        n_dialogues=len(set(dialogue_ids)),
        n_folds=n_folds,
        dimensions=tuple(compare_dimension(scored, corpus.teacher, column) for column in range(len(DIMENSIONS))),
        thresholds=tuple(compare_selection(scored.scores, corpus.teacher, t) for t in THRESHOLDS),
        turns_per_second=len(turns) / seconds,
        stated_coverage=judge.coverage,
    )


def compare_dimension(scored: DistilledScores, teacher: NDArray[np.float64], column: int) -> DimensionFigures:
    """Return the agreement of one dimension (column 0 or 1)."""
    from scipy.stats import spearmanr

    target, scores = teacher[:, column], scored.scores[:, column]
    distance = np.abs(scores - target)
    return DimensionFigures(
        name=DIMENSIONS[column],
        spearman_ranks=float(spearmanr(scored.ranks[:, column], target).statistic),
        spearman_scores=float(spearmanr(scores, target).statistic),
        equal=float((distance < 0.5).mean()),
        within_one=float((distance <= 1).mean()),
        rmse=float(np.sqrt((distance**2).mean())),
        stated_rmse=float(np.sqrt((scored.deviations[:, column] ** 2).mean())),
        mean=float(scores.mean()),
        teacher_mean=float(target.mean()),
        teacher_mode_share=float(np.unique(target, return_counts=True)[1].max() / len(target)),
        coverage=float(((scored.low[:, column] <= target) & (target <= scored.high[:, column])).mean()),
        interval_width=float((scored.high - scored.low)[:, column].mean()),
    )


def compare_selection(scores: NDArray[np.float64], teacher: NDArray[np.float64], threshold: int) -> ThresholdFigures:
    """Return the paper rule's shares by judge and by teacher at one threshold, and the subsets' overlap."""
    ours, theirs = split_turns(scores, threshold), split_turns(teacher, threshold)
    pairs = list(zip(ours, theirs, strict=True))
    overlaps = [float((a & b).sum() / max(1, (a | b).sum())) for a, b in pairs]
    both = [float(a.mean() * b.mean()) for a, b in pairs]
    chances = [hit / max(float(a.mean() + b.mean()) - hit, 1e-9) for hit, (a, b) in zip(both, pairs, strict=True)]
    return ThresholdFigures(threshold, measure_shares(theirs), measure_shares(ours), *overlaps, *chances)


Parts = tuple[NDArray[np.bool_], NDArray[np.bool_]]


def split_turns(scores: NDArray[np.float64], threshold: float, rationality_threshold: float | None = None) -> Parts:
    """Return who is in the sensibility subset (S > t and R < t) and in the rationality subset (R > t)."""
    (sensibility, rationality), bound = scores.T, threshold if rationality_threshold is None else rationality_threshold
    return (sensibility > threshold) & (rationality < bound), rationality > bound


def measure_shares(parts: Parts) -> tuple[float, float, float]:
    """Return the shares of sensibility, rationality and the discarded rest."""
    sensibility, rationality = (float(part.mean()) for part in parts)
    return sensibility, rationality, 1 - sensibility - rationality
