"""Scored turns as a model is fitted on them: n-gram counts, surface measures, scores, dialogues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.errors import ConfigError
from tasks.progress import report_progress
from tasks.schema import Turn
from tasks.scoring import DIMENSIONS, N_BUCKETS, Encoder, embed_turns, extract_features

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MIN_DIALOGUES = 20
"""Fewer dialogues say nothing about unseen ones."""
BATCH_SIZE = 1024


@dataclass(frozen=True)
class Corpus:
    """n scored turns."""

    counts: csr_matrix
    """Occurrences of hashed n-grams, shape (n, N_BUCKETS)."""
    surface: NDArray[np.float32]
    teacher: NDArray[np.float64]
    """The teacher's scores, shape (n, 2), columns as in DIMENSIONS."""
    dialogue_ids: tuple[str, ...]
    vectors: NDArray[np.float32] | None = None
    """What a sentence encoder makes of the turns, shape (n, 2 width); None where there is none."""
    encoder_digest: str = ""

    def take(self, rows: NDArray[np.int64]) -> Corpus:
        """Return the rows with these numbers, in this order."""
        names = tuple(self.dialogue_ids[row] for row in rows)
        vectors = None if self.vectors is None else self.vectors[rows]
        return Corpus(self.counts[rows], self.surface[rows], self.teacher[rows], names, vectors, self.encoder_digest)


def build_corpus(
    turns: Sequence[Turn],
    dialogue_ids: Sequence[str],
    sensibility: Sequence[float],
    rationality: Sequence[float],
    encoder: Encoder | None = None,
) -> Corpus:
    """Return the features of scored turns; one dialogue id and one score of each kind belong to each turn.

    Raises ConfigError where the four do not fit together, a score lies outside 0 to 10, or there are
    too few dialogues to judge a judge by.
    """
    teacher = check_scores(len(turns), len(dialogue_ids), sensibility, rationality)
    if len(set(dialogue_ids)) < MIN_DIALOGUES:
        raise ConfigError(
            f"There are {len(set(dialogue_ids))} scored dialogues; a judge needs at least {MIN_DIALOGUES}.",
            do="score more turns first",
        )
    from scipy.sparse import csr_matrix, vstack

    counts, surface, vectors = [], [], []
    for start in range(0, len(turns), BATCH_SIZE):
        features = extract_features(turns[start : start + BATCH_SIZE])
        ones = np.ones(len(features.row), np.float32)
        shape = (len(features.surface), N_BUCKETS)
        counts.append(csr_matrix((ones, (features.row, features.bucket)), shape=shape))
        surface.append(features.surface)
        if encoder is not None:
            vectors.append(embed_turns(turns[start : start + BATCH_SIZE], encoder))
        report_progress("read turns", start + len(features.surface), len(turns))
    return Corpus(
        vstack(counts, format="csr"),
        np.concatenate(surface),
        teacher,
        tuple(dialogue_ids),
        np.concatenate(vectors) if vectors else None,
        encoder.digest if encoder else "",
    )


def check_scores(
    n_turns: int, n_ids: int, sensibility: Sequence[float], rationality: Sequence[float]
) -> NDArray[np.float64]:
    """Return the scores as (n, 2). Raises ConfigError where they do not fit the turns or the scale."""
    if not n_turns == n_ids == len(sensibility) == len(rationality):
        raise ConfigError(
            f"{n_turns} turns, {n_ids} dialogue ids, {len(sensibility)} sensibility and "
            f"{len(rationality)} rationality scores do not fit together."
        )
    teacher = np.column_stack([np.array(sensibility, np.float64), np.array(rationality, np.float64)])
    wrong = np.flatnonzero(~((teacher >= 0) & (teacher <= 10)).all(axis=1))
    if len(wrong):
        raise ConfigError(
            f"{len(wrong)} turns have a score that is not a number from 0 to 10.",
            where=f"row {wrong[0]}: {dict(zip(DIMENSIONS, teacher[wrong[0]].tolist(), strict=True))}",
            do="leave turns without a score out",
        )
    return teacher
