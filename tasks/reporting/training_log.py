"""What a model's `training.json` tells a report of its training."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import ArtifactError
from tasks.manifest import MANIFEST

TRAINING_FILE = "training.json"


@dataclass(frozen=True, slots=True)
class TrainingLog:
    """The course of one training."""

    losses: tuple[tuple[int, float], ...]
    """(step, loss of the response tokens) in the order of the steps."""
    n_rows: int | None = None
    minutes: float | None = None
    base: str = ""
    """Name of the base model."""
    n_not_finite: int = 0
    """Steps whose loss was not a number: the training went astray."""


def read_training_log(folder: Path) -> TrainingLog | None:
    """Return the log in a model's folder, or None if it kept none. Raises ArtifactError if it is not JSON."""
    path = folder / TRAINING_FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        raise ArtifactError("The training log is not JSON.", where=str(path), do="train the model again") from None
    return parse_training_log({**read_times(folder), **data})


def read_times(folder: Path) -> dict[str, Any]:
    """Return what the training took, from the manifest beside the log: equal models have equal logs."""
    try:
        facts = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["facts"]
    except (OSError, ValueError, KeyError):
        return {}
    return {"seconds": facts["seconds"]} if "seconds" in facts else {}


def parse_training_log(data: Mapping[str, Any]) -> TrainingLog:
    """Return a log from the keys `loss` (rows of `step` and `loss`), `n_rows`, `seconds` and `base` (`name`).

    Every one may be missing.
    """
    seconds = data.get("seconds")
    points = sorted((int(row["step"]), float(row["loss"])) for row in data.get("loss", ()))
    finite = tuple(point for point in points if math.isfinite(point[1]))
    return TrainingLog(
        losses=finite,
        base=str(data.get("base", {}).get("name", "")),
        n_not_finite=len(points) - len(finite),
        n_rows=data.get("n_rows"),
        minutes=None if seconds is None else seconds / 60,
    )
