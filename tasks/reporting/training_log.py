"""What a model's `training.json` tells a report: its losses, and the router's gates if it has any."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import ArtifactError

TRAINING_FILE = "training.json"


@dataclass(frozen=True, slots=True)
class TrainingLog:
    """The course of one training."""

    losses: tuple[tuple[int, float], ...]
    """(step, loss of the response tokens) in the order of the steps."""
    gates: tuple[tuple[int, float], ...] = ()
    """(layer, mean gate of the sensibility expert), empty for an expert."""
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
    return parse_training_log(data)


def parse_training_log(data: Mapping[str, Any]) -> TrainingLog:
    """Return a log from the keys `loss` (rows of `step` and `loss`), `n_rows`, `seconds`, `base` (`name`), and
    `gates` as `tasks.router.mean_gates` gives them; every one may be missing.
    """
    seconds = data.get("seconds")
    points = sorted((int(row["step"]), float(row["loss"])) for row in data.get("loss", ()))
    finite = tuple(point for point in points if math.isfinite(point[1]))
    return TrainingLog(
        losses=finite,
        base=str(data.get("base", {}).get("name", "")),
        n_not_finite=len(points) - len(finite),
        gates=average_gates(data.get("gates", ())),
        n_rows=data.get("n_rows"),
        minutes=None if seconds is None else seconds / 60,
    )


def average_gates(routers: Sequence[Mapping[str, Any]]) -> tuple[tuple[int, float], ...]:
    """Return (layer, mean gate of the sensibility expert); a layer with a router a linear gets their mean.

    Each entry names its router by the module's path, as `model.layers.7.mlp`, and holds `gates` by expert.
    """
    shares: dict[int, list[float]] = {}
    for place, router in enumerate(routers):
        number = re.search(r"layers\.(\d+)", str(router["layer"]))
        shares.setdefault(int(number[1]) if number else place, []).append(float(router["gates"]["sensibility"]))
    return tuple((layer, sum(values) / len(values)) for layer, values in sorted(shares.items()))
