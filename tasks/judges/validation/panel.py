"""What is said of judges side by side, whatever turns each of them scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.judges.validation.baselines import count_baselines
from tasks.judges.validation.bias import measure_bias
from tasks.judges.validation.figures import count_pairs
from tasks.judges.validation.measures import Floats, make_kappa, make_spearman
from tasks.judges.validation.resampling import Resamples
from tasks.scoring import DIMENSIONS

if TYPE_CHECKING:
    import polars as pl

Record = dict[str, Any]


def profile_bias(turns: pl.DataFrame) -> list[Record]:
    """Return what a judge's scores follow beside empathy, as in `validate_judge`.

    `turns` (n) has turn_key, dialogue_id, utterance_idx, emotion, response, sensibility, rationality, each text once.
    """
    scores = {name: turns[name].to_numpy() for name in DIMENSIONS}
    resamples = Resamples(turns["dialogue_id"].to_list())
    return measure_bias(scores, count_surface(turns), turns["emotion"].to_list(), resamples)


def count_surface(turns: pl.DataFrame) -> dict[str, Floats]:
    """Return what a score should not follow: the baselines of the responses, and the place of the turn."""
    place = turns["utterance_idx"].to_numpy().astype(np.float64)
    return {**count_baselines(turns["response"].to_list()), "turn position": place}


def compare_pair(turns: pl.DataFrame) -> list[Record]:
    """Return, for each score, how alike two judges are on the turns (n) that both scored.

    `turns` has dialogue_id, sensibility, rationality and the second judge's other_sensibility and
    other_rationality.
    """
    resamples = Resamples(turns["dialogue_id"].to_list())
    first = {name: turns[name].to_numpy() for name in DIMENSIONS}
    second = {name: turns[f"other_{name}"].to_numpy() for name in DIMENSIONS}
    return [{"dimension": name, **measure_pair(first, second, name, resamples)} for name in DIMENSIONS]


def measure_pair(first: Mapping[str, Floats], second: Mapping[str, Floats], name: str, resamples: Resamples) -> Record:
    """Return Spearman and quadratic-weighted kappa of two judges' scores, and how often each pair of them stands."""
    a, b = first[name], second[name]
    return {
        "spearman": asdict(resamples.measure(make_spearman, a, b)),
        "kappa": asdict(resamples.measure(make_kappa, a, b)),
        "mean_difference": round(float((b - a).mean()), 6),
        "cells": count_pairs(np.rint(a), np.rint(b), ("first", "second")),
    }
