"""The regression inside the distilled judge: ridge on hashed n-grams, surface measures and, if any, embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.judges.corpus import Corpus
from tasks.judges.kernel import KernelSpace, fit_kernel_space
from tasks.scoring import expand_surface, weigh_ngrams

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

RIDGE_ALPHA = 4.0
"""Penalty; features have a squared norm near 2.4. Chosen by Spearman on held-out dialogues of the released
scores, where it is flat from 3 to 5: on those scores, figures of cross-validation have seen this choice."""


@dataclass(frozen=True)
class Scaling:
    """What turns counts and measures into features; learnt from the training turns alone."""

    idf: NDArray[np.float32]
    surface_mean: NDArray[np.float32]
    surface_spread: NDArray[np.float32]
    kernel: KernelSpace | None = None


@dataclass(frozen=True)
class Ridge:
    """A fitted regression: `coefficients` (features, 2) and `intercept` (2), for features made by `scaling`."""

    scaling: Scaling
    coefficients: NDArray[np.float32]
    intercept: NDArray[np.float32]

    def predict(self, corpus: Corpus) -> NDArray[np.float64]:
        """Return the expected ranks (n, 2)."""
        return np.asarray(build_design(corpus, self.scaling) @ self.coefficients, np.float64) + self.intercept


def fit_ridge(corpus: Corpus) -> Ridge:
    """Fit both dimensions.

    The target is the teacher's score as its rank, 0 to 1: the scores saturate (57 % are one value), and
    ranks keep the few low ones from ruling the fit. The quantile map leads back to the scale.
    """
    from scipy.stats import rankdata
    from sklearn.linear_model import Ridge as SparseRidge

    scaling = fit_scaling(corpus)
    targets = ((rankdata(corpus.teacher, axis=0) - 0.5) / len(corpus.teacher)).astype(np.float32)
    model = SparseRidge(alpha=RIDGE_ALPHA, solver="sparse_cg", tol=1e-4)
    model.fit(build_design(corpus, scaling), targets)
    return Ridge(scaling, model.coef_.T.astype(np.float32), model.intercept_.astype(np.float32))


def fit_scaling(corpus: Corpus) -> Scaling:
    """Return the smoothed inverse document frequency of each bucket, and each measure's mean and spread."""
    n_turns, n_buckets = corpus.counts.shape
    found_in = np.bincount(corpus.counts.indices, minlength=n_buckets)
    idf = np.where(found_in > 0, np.log((1 + n_turns) / (1 + found_in)) + 1, 0).astype(np.float32)
    spread = corpus.surface.std(axis=0)
    kernel = None if corpus.vectors is None else fit_kernel_space(corpus.vectors)
    return Scaling(idf, corpus.surface.mean(axis=0), np.where(spread > 0, spread, 1).astype(np.float32), kernel)


def build_design(corpus: Corpus, scaling: Scaling) -> csr_matrix:
    """Return the features (n, N_BUCKETS + expanded measures + landmarks) that the judge computes for the same turns."""
    from scipy.sparse import csr_matrix, hstack

    counts, n_turns = corpus.counts, len(corpus.surface)
    row = np.repeat(np.arange(n_turns), np.diff(counts.indptr))
    value = weigh_ngrams(row, counts.indices.astype(np.int64), counts.data, scaling.idf, n_turns)
    ngrams = csr_matrix((value, counts.indices, counts.indptr), shape=counts.shape)
    surface = expand_surface((corpus.surface - scaling.surface_mean) / scaling.surface_spread)
    dense = [surface]
    if scaling.kernel is not None and corpus.vectors is not None:
        dense.append(scaling.kernel.place(corpus.vectors))
    return hstack([ngrams, *(csr_matrix(part) for part in dense)], format="csr")
