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
from tasks.scoring import DIMENSIONS, N_BUCKETS, DistilledWeights, fit_quantile_map, write_weights

WEIGHTS_FILE = "distilled.safetensors"
INNER_FOLDS = 10
"""Many: predictions spread wider the more turns a regression has seen, and the maps must fit the final one."""


def distill(
    turns: Sequence[Turn],
    dialogue_ids: Sequence[str],
    sensibility: Sequence[float],
    rationality: Sequence[float],
    folder: Path,
) -> dict[str, Any]:
    """Fit the distilled judge to a teacher's scores (0 to 10, one of each a turn) and write its weights.

    Writes `distilled.safetensors` into `folder`, the same bytes in whatever order the turns come. Returns
    facts about it: n_turns, n_dialogues, n_surface_measures, sha256, n_bytes. Raises ConfigError where the
    inputs do not fit together.
    """
    corpus = sort_corpus(build_corpus(turns, dialogue_ids, sensibility, rationality), turns)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / WEIGHTS_FILE
    digest = write_weights(fit_weights(corpus), path)
    return {
        "n_turns": len(turns),
        "n_dialogues": len(set(dialogue_ids)),
        "n_surface_measures": corpus.surface.shape[1],
        "sha256": digest,
        "n_bytes": path.stat().st_size,
    }


def sort_corpus(corpus: Corpus, turns: Sequence[Turn]) -> Corpus:
    """Return the corpus by dialogue and turn: sums, and with them the last bits, depend on the order."""
    keys = [(name, turn.turn_key) for name, turn in zip(corpus.dialogue_ids, turns, strict=True)]
    scores = corpus.teacher.tolist()
    return corpus.take(np.array(sorted(range(len(keys)), key=lambda row: (keys[row], scores[row])), np.int64))


def fit_weights(corpus: Corpus, n_folds: int = INNER_FOLDS) -> DistilledWeights:
    """Fit regression and maps; the maps learn from predictions for dialogues that the regression has not seen."""
    unseen = predict_unseen(corpus, n_folds)
    model = fit_ridge(corpus)
    maps = [fit_quantile_map(unseen[:, column], corpus.teacher[:, column]) for column in range(len(DIMENSIONS))]
    return DistilledWeights(
        idf=model.scaling.idf,
        ngram_weights=model.coefficients[:N_BUCKETS],
        surface_mean=model.scaling.surface_mean,
        surface_spread=model.scaling.surface_spread,
        surface_weights=model.coefficients[N_BUCKETS:],
        intercept=model.intercept,
        maps=(maps[0], maps[1]),
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
