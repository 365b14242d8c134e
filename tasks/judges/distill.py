"""Distillation: fit a small judge to the scores of a big one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.judges.corpus import Corpus, build_corpus
from tasks.judges.folds import assign_folds
from tasks.judges.ridge import fit_ridge
from tasks.progress import report_progress
from tasks.schema import Turn
from tasks.scoring import (
    COVERAGE,
    DIMENSIONS,
    N_BUCKETS,
    DistilledWeights,
    Encoder,
    expand_surface,
    fit_interval_map,
    fit_quantile_map,
    write_weights,
)

WEIGHTS_FILE = "distilled.safetensors"
INNER_FOLDS = 10
"""Many: predictions spread wider the more turns a regression has seen, and the maps must fit the final one."""


def distill(
    turns: Sequence[Turn],
    dialogue_ids: Sequence[str],
    sensibility: Sequence[float],
    rationality: Sequence[float],
    folder: Path,
    encoder: Encoder | None = None,
) -> dict[str, Any]:
    """Fit the distilled judge to a teacher's scores (0 to 10, one of each a turn) and write its weights.

    Writes `distilled.safetensors` into `folder`, the same bytes in whatever order the turns come. With an encoder the
    judge also sees meaning, and needs the same encoder to score. Returns facts about it: n_turns, n_dialogues,
    n_surface_measures, n_landmarks, encoder (its digest, or nothing), coverage, sha256, n_bytes. Raises ConfigError
    where the inputs do not fit together.
    """
    corpus = sort_corpus(build_corpus(turns, dialogue_ids, sensibility, rationality, encoder), turns)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / WEIGHTS_FILE
    weights = fit_weights(corpus)
    digest = write_weights(weights, path)
    return {
        "n_turns": len(turns),
        "n_dialogues": len(set(dialogue_ids)),
        "n_surface_measures": corpus.surface.shape[1],
        "n_landmarks": len(weights.landmarks.vectors) if weights.landmarks else 0,
        "encoder": corpus.encoder_digest,
        "coverage": COVERAGE,
        "sha256": digest,
        "n_bytes": path.stat().st_size,
    }


def sort_corpus(corpus: Corpus, turns: Sequence[Turn]) -> Corpus:
    """Return the corpus by dialogue and turn: sums, and with them the last bits, depend on the order."""
    keys = [(name, turn.turn_key) for name, turn in zip(corpus.dialogue_ids, turns, strict=True)]
    scores = corpus.teacher.tolist()
    return corpus.take(np.array(sorted(range(len(keys)), key=lambda row: (keys[row], scores[row])), np.int64))


def fit_weights(corpus: Corpus, n_folds: int = INNER_FOLDS) -> DistilledWeights:
    """Fit regression, maps and intervals; the last two on predictions for dialogues the regression has not seen."""
    return assemble_weights(corpus, predict_unseen(corpus, n_folds))


def assemble_weights(corpus: Corpus, unseen: NDArray[np.float64]) -> DistilledWeights:
    """Fit the regression, and maps and intervals on what `predict_unseen` returned (n, 2)."""
    model = fit_ridge(corpus)
    pairs = [(unseen[:, column], corpus.teacher[:, column]) for column in range(len(DIMENSIONS))]
    maps = [fit_quantile_map(*pair) for pair in pairs]
    intervals = [fit_interval_map(*pair) for pair in pairs]
    kernel, n_plain = model.scaling.kernel, N_BUCKETS + len(expand_surface(corpus.surface[:1])[0])
    return DistilledWeights(
        idf=model.scaling.idf,
        ngram_weights=model.coefficients[:N_BUCKETS],
        surface_mean=model.scaling.surface_mean,
        surface_spread=model.scaling.surface_spread,
        surface_weights=model.coefficients[N_BUCKETS:n_plain],
        intercept=model.intercept,
        maps=(maps[0], maps[1]),
        intervals=(intervals[0], intervals[1]),
        coverage=np.array([COVERAGE], np.float32),
        landmarks=kernel.fold(model.coefficients[n_plain:], corpus.encoder_digest) if kernel else None,
    )


def predict_unseen(corpus: Corpus, n_folds: int) -> NDArray[np.float64]:
    """Return expected ranks (n, 2), each from a regression fitted without the turn's dialogue."""
    folds = assign_folds(corpus.dialogue_ids, n_folds)
    predicted = np.empty(corpus.teacher.shape)
    for fold in range(n_folds):
        seen, held_out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        predicted[held_out] = fit_ridge(corpus.take(seen)).predict(corpus.take(held_out))
        report_progress("fit judge", fold + 1, n_folds)
    return predicted
