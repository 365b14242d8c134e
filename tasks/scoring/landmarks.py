"""What an encoded judge sees of a turn's meaning: how near its embeddings are to those of landmark turns.

A Gaussian kernel of response and context, k(x, z) = exp(-|x - z|^2), at landmarks among the training turns (Nystroem:
Williams and Seeger, NIPS 2000). The vector of a turn is its response's embedding and, scaled, its context's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.schema import Turn
from tasks.scoring.features import clean_text

CONTEXT_SHARE = 0.3
"""Weight of the context's squared distance beside the response's; chosen on the released scores, as the card says."""
MAX_CHARS = 600
"""Longest part of a response (its start) and of a context (its end) that is encoded; about 128 tokens."""


class Encoder(Protocol):
    """Whatever turns texts into vectors of unit length; `digest` (sha256) says which one it is."""

    digest: str
    width: int

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors, shape (n, width)."""


@dataclass(frozen=True)
class Landmarks:
    """A function of a turn's vector: its kernel at `vectors` (m, 2 width), times `coefficients` (m, 2)."""

    vectors: NDArray[np.float32]
    coefficients: NDArray[np.float32]
    encoder_digest: str

    def predict(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return what the turns' vectors add to the expected ranks, shape (n, 2)."""
        return measure_kernel(vectors, self.vectors) @ self.coefficients.astype(np.float64)


def embed_turns(turns: Sequence[Turn], encoder: Encoder) -> NDArray[np.float32]:
    """Return the vectors of turns, shape (n, 2 width)."""
    responses = [clean_text(turn.response)[:MAX_CHARS] for turn in turns]
    contexts = [" ".join(clean_text(text) for _, text in turn.context)[-MAX_CHARS:] for turn in turns]
    vectors = encoder.encode([*responses, *contexts])
    said, heard = vectors[: len(turns)], vectors[len(turns) :]
    return np.hstack([said, heard * np.float32(np.sqrt(CONTEXT_SHARE))]).astype(np.float32)


def measure_kernel(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return exp(-|x - z|^2) for each x of `left` and z of `right`, shape (n, m)."""
    left, right = left.astype(np.float64), right.astype(np.float64)
    distance = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2 * left @ right.T
    return np.exp(-np.maximum(distance, 0))
