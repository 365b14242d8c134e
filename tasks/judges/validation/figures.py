"""What charts are drawn from, as plain records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks.judges.validation.agreement import Axis
from tasks.judges.validation.measures import Floats

Record = dict[str, Any]


def list_emotions(emotions: Sequence[str | None], columns: Mapping[str, Floats]) -> list[Record]:
    """Return, per emotion, how many turns have it and the mean of each column of scores."""
    names = np.array([emotion or "" for emotion in emotions], dtype=str)
    return [
        {"emotion": name, "n": int((names == name).sum()),
         **{column: round(float(values[names == name].mean()), 6) for column, values in columns.items()}}
        for name in np.unique(names).tolist()
        if name
    ]  # fmt: skip


def list_cells(scores: Mapping[str, Floats], axes: Sequence[Axis]) -> Record:
    """Return counts of pairs: the judge's two whole scores, and each score with each axis of the reference.

    The heat map of a judge, the scatter of its agreement, and its calibration (the mean of the axis at each score).
    """
    sensibility, rationality = (np.rint(values) for values in scores.values())
    found: Record = {"scores": count_pairs(sensibility, rationality, ("sensibility", "rationality"))}
    for axis in axes:
        for name, values in scores.items():
            found[f"{name}_{axis.name}"] = count_pairs(np.rint(values), axis.values, ("score", "reference"))
    return found


def count_pairs(x: Floats, y: Floats, names: tuple[str, str]) -> list[Record]:
    """Return how often each pair of values stands, by value."""
    pairs, counts = np.unique(np.column_stack([x, y]), axis=0, return_counts=True)
    return [{names[0]: a, names[1]: b, "n": n} for (a, b), n in zip(pairs.tolist(), counts.tolist(), strict=True)]
