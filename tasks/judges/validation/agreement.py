"""How far scores agree with a reference, and how far counting words would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tasks.judges.cross_validation import split_turns
from tasks.judges.validation.baselines import take_extreme
from tasks.judges.validation.measures import (
    Bools,
    Floats,
    make_auc,
    make_jaccard,
    make_kappa,
    make_pearson,
    make_spearman,
)
from tasks.judges.validation.resampling import Figure, Resamples
from tasks.schema import Subset

LEAST_A_SIDE = 5
"""Turns that an AUC needs on either side."""


@dataclass(frozen=True)
class Axis:
    """What the reference said of the turns: a name, its values (n,), and which turns count as high."""

    name: str
    values: Floats
    high: Bools
    said: str
    """What counts as high, in words."""

    @property
    def is_scale(self) -> bool:
        """Whether these are scores from 0 to 10, as a judge gives them."""
        return self.name != "rating"

    def describe(self) -> dict[str, Any]:
        """Return what counts as high, and how many turns do."""
        return {"said": self.said, "n": int(self.high.sum())}


def make_axis(name: str, values: Floats, threshold: float) -> Axis:
    """Return an axis: a score is high above the threshold, a rating if it is the highest there is."""
    if name == "rating":
        return Axis(name, values, values == values.max(), f"{values.max():g}")
    return Axis(name, values, values > threshold, f"> {threshold:g}")


def measure_agreement(predictor: str, kind: str, values: Floats, axis: Axis, resamples: Resamples) -> dict[str, Any]:
    """Return the agreement of one predictor with one axis as a record: each measure a Figure's fields."""
    figures = {
        "spearman": resamples.measure(make_spearman, values, axis.values),
        "pearson": resamples.measure(make_pearson, values, axis.values),
        "auc": measure_auc(values, axis, resamples),
        "kappa": measure_kappa(predictor, kind, values, axis, resamples),
    }
    return {"axis": axis.name, "predictor": predictor, "kind": kind, **{k: asdict(v) for k, v in figures.items()}}


def measure_auc(values: Floats, axis: Axis, resamples: Resamples) -> Figure:
    """Return the AUC of high against the rest; undefined where few turns are on a side."""
    fewest = int(min(axis.high.sum(), (~axis.high).sum()))
    if fewest < LEAST_A_SIDE:
        return Figure(None, None, None, len(values), f"only {fewest} turns on one side of {axis.said}")
    return resamples.measure(make_auc, values, axis.high)


def measure_kappa(predictor: str, kind: str, values: Floats, axis: Axis, resamples: Resamples) -> Figure:
    """Return the quadratic-weighted kappa, of the same score on the same scale only."""
    if kind != "judge" or predictor != axis.name:
        return Figure(None, None, None, len(values), "not the same score on the same scale")
    return resamples.measure(make_kappa, values, axis.values)


def compare_subsets(
    scores: Floats, reference: Floats, threshold: float, baselines: Mapping[str, Floats], resamples: Resamples
) -> list[dict[str, Any]]:
    """Return, per subset under the rule `paper`, sizes and overlap of what two sources of scores (n, 2) select.

    Beside it stand what sets of these sizes share by chance, and the overlap of as many turns as the judge selects
    taken by each baseline: by the highest counts or the lowest, whichever share more with the reference.
    """
    records = []
    for name, ours, theirs in zip(Subset, split_all(scores, threshold), split_all(reference, threshold), strict=True):
        n, both = len(ours), ours.sum() * theirs.sum()
        either = (ours.sum() + theirs.sum()) * n - both
        by_count = {
            baseline: measure_by_count(counts, int(ours.sum()), theirs, resamples)
            for baseline, counts in baselines.items()
        }
        records.append(
            {"subset": name.value, "n_judge": int(ours.sum()), "n_reference": int(theirs.sum()),
             "jaccard": asdict(resamples.measure(make_jaccard, ours, theirs)),
             "chance": round(float(both / either), 6) if either else None, "baselines": by_count}
        )  # fmt: skip
    return records


def measure_by_count(counts: Floats, n: int, theirs: Bools, resamples: Resamples) -> dict[str, Any]:
    """Return the overlap of n turns taken by count with the reference's, a Figure's fields and which `end` was taken.

    The end that shares more: what the reference selects may have few question marks, and a baseline is no straw man.
    """
    taken = {"highest": take_extreme(counts, n), "lowest": take_extreme(-counts, n)}
    end = max(taken, key=lambda name: int((taken[name] & theirs).sum()))  # equal sizes: Jaccard grows with the overlap
    return {**asdict(resamples.measure(make_jaccard, taken[end], theirs)), "end": end}


def split_all(scores: Floats, threshold: float) -> tuple[Bools, Bools, Bools]:
    """Return who is in SENSIBILITY, RATIONALITY and DISCARD under the rule `paper`, both thresholds alike."""
    sensibility, rationality = split_turns(scores, threshold)
    return sensibility, rationality, ~(sensibility | rationality)


def stack_scores(*columns: Floats) -> Floats:
    """Return columns (n,) as (n, m)."""
    return np.column_stack(columns)
