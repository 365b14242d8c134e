"""What a distilled judge has learnt, and the file that holds it: numbers only, no pickle and no text."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.errors import ArtifactError
from tasks.scoring.features import N_BUCKETS
from tasks.scoring.intervals import IntervalMap
from tasks.scoring.landmarks import Landmarks
from tasks.scoring.quantile_map import QuantileMap
from tasks.scoring.surface import SURFACE_MEASURES

DIMENSIONS = ("sensibility", "rationality")
FORMAT = "efficient-empathy-distilled-2"
"""Raised where a file holds something else than before: 2 has intervals, and may have landmarks."""
N_MEASURES = len(SURFACE_MEASURES)
N_EXPANDED = N_MEASURES + N_MEASURES * (N_MEASURES + 1) // 2
SHAPES = {
    "idf": (N_BUCKETS,),
    "ngram_weights": (N_BUCKETS, len(DIMENSIONS)),
    "surface_mean": (N_MEASURES,),
    "surface_spread": (N_MEASURES,),
    "surface_weights": (N_EXPANDED, len(DIMENSIONS)),
    "intercept": (len(DIMENSIONS),),
    "coverage": (1,),
}
MAP_PARTS = ("values", "cuts", "deviations")
INTERVAL_PARTS = ("cuts", "low", "high")
HALF_PRECISION = ("idf", "ngram_weights", "landmarks.vectors")
ENCODER = "landmarks.encoder"


@dataclass(frozen=True)
class DistilledWeights:
    """A linear model over n-grams, surface measures and landmarks, and the maps to the teacher's scale."""

    idf: NDArray[np.float32]
    """Shape (N_BUCKETS,); 0 for a bucket that no n-gram of the training turns fell into."""
    ngram_weights: NDArray[np.float32]
    """Shape (N_BUCKETS, 2), columns as in DIMENSIONS."""
    surface_mean: NDArray[np.float32]
    surface_spread: NDArray[np.float32]
    surface_weights: NDArray[np.float32]
    intercept: NDArray[np.float32]
    maps: tuple[QuantileMap, QuantileMap]
    intervals: tuple[IntervalMap, IntervalMap]
    coverage: NDArray[np.float32]
    """Shape (1,): the share of teacher's scores that the intervals are made to hold."""
    landmarks: Landmarks | None = None
    """None for a judge that needs no sentence encoder."""


def write_weights(weights: DistilledWeights, path: Path) -> str:
    """Write the weights as safetensors, equal weights as equal bytes; return the file's sha256."""
    from safetensors.numpy import save

    tensors = {name: getattr(weights, name) for name in SHAPES}
    for dimension, fitted, interval in zip(DIMENSIONS, weights.maps, weights.intervals, strict=True):
        tensors |= {f"{dimension}.{name}": getattr(fitted, name) for name in MAP_PARTS}
        tensors |= {f"{dimension}.interval.{name}": getattr(interval, name) for name in INTERVAL_PARTS}
    if weights.landmarks is not None:
        tensors |= {f"landmarks.{name}": getattr(weights.landmarks, name) for name in ("vectors", "coefficients")}
    tensors = {
        name: np.ascontiguousarray(tensor, np.float16 if name in HALF_PRECISION else np.float32)
        for name, tensor in tensors.items()
    }
    if weights.landmarks is not None:
        tensors[ENCODER] = np.frombuffer(bytes.fromhex(weights.landmarks.encoder_digest), np.uint8)
    # One metadata entry only: safetensors writes several in no fixed order.
    blob = save(tensors, metadata={FORMAT: hash_tensors(tensors)})
    path.write_bytes(blob)
    return hashlib.sha256(blob).hexdigest()


def read_weights(path: Path) -> tuple[DistilledWeights, str]:
    """Return the weights of a file and the file's sha256.

    Raises ArtifactError where there is no file, where its numbers are not those that were written, or
    where it was written for other features.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.numpy import load

    try:
        blob = path.read_bytes()
        tensors = load(blob)
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
    except OSError:
        raise _refuse(path, "The weights of the distilled judge cannot be read.") from None
    except SafetensorError as error:
        raise _refuse(path, f"The weights of the distilled judge are damaged ({error}).") from None
    if FORMAT not in metadata:
        raise _refuse(path, f"This is not a file of {FORMAT}.")
    if metadata[FORMAT] != hash_tensors(tensors):
        raise _refuse(path, "The weights of the distilled judge are damaged: their hash is not the one written.")
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    if shapes != expect_shapes(shapes):
        raise _refuse(path, "The weights of the distilled judge were made for other features, or lack a part.")
    return _assemble(tensors), hashlib.sha256(blob).hexdigest()


def hash_tensors(tensors: dict[str, NDArray[np.generic]]) -> str:
    """Return the sha256 over names, types, shapes and values, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype.str} {tensor.shape}\n".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()


def expect_shapes(shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Return the shapes that the tensors of a file must have, given those that its maps and landmarks have."""
    expected: dict[str, tuple[int, ...]] = dict(SHAPES)
    for one in DIMENSIONS:
        n_steps, n_bins = (sum(shapes.get(f"{one}.{name}", ())[:1]) for name in ("values", "interval.low"))
        expected |= {f"{one}.{name}": (n_steps - (name == "cuts"),) for name in MAP_PARTS}
        expected |= {f"{one}.interval.{name}": (n_bins - (name == "cuts"),) for name in INTERVAL_PARTS}
    if any(name.startswith("landmarks.") for name in shapes):
        vectors = shapes.get("landmarks.vectors", ())
        expected["landmarks.vectors"] = (sum(vectors[:1]), sum(vectors[1:2]))
        expected["landmarks.coefficients"] = (sum(vectors[:1]), len(DIMENSIONS))
        expected[ENCODER] = (hashlib.sha256().digest_size,)
    return expected


def _assemble(tensors: dict[str, NDArray[np.generic]]) -> DistilledWeights:
    full = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
    maps = [QuantileMap(*(full[f"{one}.{name}"] for name in MAP_PARTS)) for one in DIMENSIONS]
    intervals = [IntervalMap(*(full[f"{one}.interval.{name}"] for name in INTERVAL_PARTS)) for one in DIMENSIONS]
    landmarks = None
    if ENCODER in tensors:
        digest = tensors[ENCODER].tobytes().hex()
        landmarks = Landmarks(full["landmarks.vectors"], full["landmarks.coefficients"], digest)
    return DistilledWeights(
        **{name: full[name] for name in SHAPES},
        maps=(maps[0], maps[1]),
        intervals=(intervals[0], intervals[1]),
        landmarks=landmarks,
    )


def _refuse(path: Path, what: str) -> ArtifactError:
    do = "restore the file from the project's repository, or make it anew with `empathy judge distill`"
    return ArtifactError(what, where=str(path), do=do)
