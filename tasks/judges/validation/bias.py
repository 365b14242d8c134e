"""What else a score follows than what it should measure, and how much of its scale it uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from tasks.judges.validation.measures import Floats, make_spearman
from tasks.judges.validation.resampling import Resamples

N_LEVELS = 11
"""Whole scores from 0 to 10."""


def measure_bias(
    columns: Mapping[str, Floats], surface: Mapping[str, Floats], emotions: Sequence[str | None], resamples: Resamples
) -> list[dict[str, Any]]:
    """Return a record for each thing that a score should not follow: Spearman with it, for each column of scores.

    Of the emotion, which has no order, it is eta squared. The reference's columns beside the judge's tell a bias from
    what is so: people, too, may find longer responses better.
    """
    records: list[dict[str, Any]] = []
    for name, values in surface.items():
        figures = {
            column: asdict(resamples.measure(make_spearman, scores, values)) for column, scores in columns.items()
        }
        records.append({"with": name, "measure": "spearman", "scores": figures})
    of_emotion = {column: measure_eta_squared(scores, emotions) for column, scores in columns.items()}
    return [*records, {"with": "emotion", "measure": "eta_squared", "scores": of_emotion}]


def measure_eta_squared(scores: Floats, groups: Sequence[str | None]) -> dict[str, Any]:
    """Return the share of the scores' variance that lies between groups (Fisher 1925), and what chance would give.

    `chance` is (k - 1) / (n - 1) for k groups of n turns: labels drawn blindly explain so much.
    """
    known = np.array([bool(group) for group in groups], np.bool_)
    names, codes = np.unique(np.array([group for group in groups if group], dtype=str), return_inverse=True)
    values, n = scores[known], int(known.sum())
    record: dict[str, Any] = {"value": None, "chance": None, "n": n, "n_groups": len(names), "why": ""}
    if len(names) < 2 or n <= len(names):
        return {**record, "why": "fewer than two emotions are known" if len(names) < 2 else "as many emotions as turns"}
    spread = float(((values - values.mean()) ** 2).sum())
    if spread < 1e-12:
        return {**record, "why": "the scores do not vary"}
    sizes = np.bincount(codes)
    means = np.bincount(codes, values) / sizes
    between = float((sizes * (means - values.mean()) ** 2).sum())
    return {**record, "value": round(between / spread, 6), "chance": round((len(names) - 1) / (n - 1), 6)}


def measure_saturation(scores: Floats) -> dict[str, Any]:
    """Return how much of the scale a judge uses.

    `modal_share` is the share of the most frequent whole score, `entropy` that of the eleven whole scores over its
    maximum, log 11 (Shannon 1948): 0 if all turns get one score, 1 if all scores are as frequent.
    """
    counts = np.bincount(np.rint(scores).astype(np.int64), minlength=N_LEVELS)
    shares = counts[counts > 0] / len(scores)
    return {
        "mean": round(float(scores.mean()), 6),
        "sd": round(float(scores.std()), 6),
        "mode": int(counts.argmax()),
        "modal_share": round(float(counts.max() / len(scores)), 6),
        "entropy": round(abs(float(-(shares * np.log(shares)).sum() / np.log(N_LEVELS))), 6),
        "counts": counts.tolist(),
    }
