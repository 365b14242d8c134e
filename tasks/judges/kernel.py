"""The encoded part of a distilled judge's regression: Gaussian kernels at landmarks, as features that ridge can fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.scoring import Encoder, Landmarks, measure_kernel

MAX_LANDMARKS = 1000
"""Spearman on dialogues of the released scores that a fit had not seen: 500 lose 0.01, 2,000 gain 0.003 at twice the
cost. Chosen by it, as KERNEL_WEIGHT was: on those scores the card's figures are a little too good, and it says so."""
KERNEL_WEIGHT = 4.0
"""Squared norm of a turn's kernel features; n-grams and measures have about 2.4. Chosen on the released scores."""
JITTER = 1e-3
"""Added to the landmarks' own kernels: without it, near twins make coefficients that rounding cannot bear."""
SEED = 6

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class KernelSpace:
    """`features = measure_kernel(x, vectors) @ whitening` have the kernel, approximated, as their inner product."""

    vectors: Floats
    whitening: NDArray[np.float64]

    def place(self, vectors: Floats) -> Floats:
        """Return the features (n, landmarks) of turns' vectors."""
        return (measure_kernel(vectors, self.vectors) @ self.whitening).astype(np.float32)

    def fold(self, coefficients: Floats, encoder_digest: str) -> Landmarks:
        """Return the fitted function without the detour of features."""
        return Landmarks(self.vectors, (self.whitening @ coefficients).astype(np.float32), encoder_digest)


def fit_kernel_space(vectors: Floats) -> KernelSpace:
    """Draw the landmarks among the turns' vectors and whiten their kernel."""
    from scipy.linalg import cholesky, solve_triangular

    distinct = np.unique(vectors.astype(np.float16), axis=0).astype(np.float32)  # as exact as the file will be
    n_drawn = min(MAX_LANDMARKS, len(distinct))
    drawn = distinct[np.sort(np.random.default_rng(SEED).choice(len(distinct), n_drawn, replace=False))]
    root = cholesky(measure_kernel(drawn, drawn) + JITTER * np.eye(n_drawn), lower=True)
    return KernelSpace(drawn, solve_triangular(root, np.eye(n_drawn), lower=True).T * np.sqrt(KERNEL_WEIGHT))


class RememberingEncoder:
    """An encoder that encodes a text once: cross-validation asks for the same ones again."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder, self._known = encoder, dict[str, Floats]()
        self.digest, self.width = encoder.digest, encoder.width

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return the vectors, shape (n, width)."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known |= zip(new, self._encoder.encode(new), strict=True) if new else ()
        return np.array([self._known[text] for text in texts], np.float32).reshape(len(texts), self.width)
