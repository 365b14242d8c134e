"""The distilled judge: scores turns without asking anybody, as the teacher it was fitted to would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.errors import ConfigError
from tasks.schema import Turn
from tasks.scoring.distilled_weights import DIMENSIONS, DistilledWeights, read_weights
from tasks.scoring.features import expand_surface, extract_features, weigh_ngrams
from tasks.scoring.landmarks import Encoder, embed_turns

BUNDLED_WEIGHTS = Path(__file__).parent / "weights" / "distilled.safetensors"
WEIGHTS_FILE = "distilled.safetensors"
BATCH_SIZE = 1024
"""Turns whose features are held at once: memory stays flat however many are scored."""


def find_weights(place: str) -> Path:
    """Return the file of a judge's weights: the bundled ones of no name, those in a folder, or the file itself."""
    if not place:
        return BUNDLED_WEIGHTS
    path = Path(place).expanduser()
    return path / WEIGHTS_FILE if path.is_dir() else path


@dataclass(frozen=True)
class DistilledScores:
    """Scores of n turns, each array of shape (n, 2): sensibility, rationality."""

    scores: NDArray[np.float64]
    """On the teacher's scale, 0 to 10, with the teacher's distribution: whole numbers if it gave such."""
    deviations: NDArray[np.float64]
    """Root mean square difference to the teacher, on unseen dialogues, of turns with this score."""
    ranks: NDArray[np.float64]
    """Expected rank among the teacher's turns, about 0 to 1: orders turns of equal score."""
    low: NDArray[np.float64]
    """Lower bound of the interval that holds the teacher's score with the judge's coverage; never above the score."""
    high: NDArray[np.float64]
    """Its upper bound, never below the score."""


class DistilledJudge:
    """Scores turns with fitted weights; the same turn gets the same score in any company."""

    def __init__(self, weights: DistilledWeights, digest: str = "", encoder: Encoder | None = None) -> None:
        needed = weights.landmarks.encoder_digest if weights.landmarks else None
        if needed and (encoder is None or encoder.digest != needed):
            raise ConfigError(
                "This judge was fitted with another sentence encoder." if encoder else "This judge needs an encoder.",
                where=f"encoder {needed[:16]}",
                do="name the sentence encoder that it was fitted with (--encoder); its card says which",
            )
        if encoder is not None and not needed:
            raise ConfigError("This judge was fitted without a sentence encoder.", do="leave --encoder out")
        self.weights, self.digest = weights, digest
        """The digest is the sha256 of the weights' file; empty for weights that were never in one."""
        self._encoder = encoder

    @classmethod
    def load(cls, path: Path | None = None, encoder: Encoder | None = None) -> DistilledJudge:
        """Load the bundled weights, or those at `path`.

        Raises ArtifactError if they are missing or damaged, ConfigError if they need another encoder than the given.
        """
        return cls(*read_weights(path or BUNDLED_WEIGHTS), encoder)

    @property
    def coverage(self) -> float:
        """The share of the teacher's scores that the intervals are made to hold, each dimension by itself."""
        return round(float(self.weights.coverage[0]), 4)

    def score(self, turns: Sequence[Turn]) -> DistilledScores:
        """Return the scores of `turns`, in their order."""
        starts = range(0, len(turns), BATCH_SIZE)
        batches = [self._predict(turns[start : start + BATCH_SIZE]) for start in starts]
        return self._map(np.concatenate([np.empty((0, len(DIMENSIONS))), *batches]))

    def _predict(self, turns: Sequence[Turn]) -> NDArray[np.float64]:
        """Return the expected ranks (n, 2) of one batch, rounded: sums may differ in the last bits by batch."""
        weights, features = self.weights, extract_features(turns)
        row, bucket = features.row, features.bucket
        value = weigh_ngrams(row, bucket, 1.0, weights.idf, len(turns))
        heard = [
            np.bincount(row, value * weights.ngram_weights[bucket, column], minlength=len(turns))
            for column in range(len(DIMENSIONS))
        ]
        measures = expand_surface((features.surface - weights.surface_mean) / weights.surface_spread)
        surface = measures.astype(np.float64)
        predicted = np.column_stack(heard) + surface @ weights.surface_weights + weights.intercept
        if weights.landmarks is not None and self._encoder is not None:
            predicted += weights.landmarks.predict(embed_turns(turns, self._encoder))
            return predicted.round(4)  # an encoder in single precision is less exact
        return predicted.round(6)

    def _map(self, predicted: NDArray[np.float64]) -> DistilledScores:
        scores, deviations, low, high = (np.empty(predicted.shape) for _ in range(4))
        for column, (fitted, interval) in enumerate(zip(self.weights.maps, self.weights.intervals, strict=True)):
            steps = fitted.find_steps(predicted[:, column])
            scores[:, column] = fitted.values[steps]
            deviations[:, column] = fitted.deviations[steps]
            low[:, column], high[:, column] = interval.bound(predicted[:, column], scores[:, column])
        return DistilledScores(scores, deviations, predicted, low, high)
