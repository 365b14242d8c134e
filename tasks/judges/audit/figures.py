"""How far a judge agrees with the people who filled in its audit, on their sheet and, by weight, in the corpus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.judges.audit.thresholds import Bounds
from tasks.judges.cross_validation import split_turns
from tasks.judges.validation.measures import (
    Floats,
    Statistic,
    count_effective,
    make_alpha,
    make_jaccard,
    make_spearman,
)
from tasks.judges.validation.resampling import Resamples
from tasks.schema import Subset
from tasks.scoring import DIMENSIONS

if TYPE_CHECKING:
    import polars as pl

Record = dict[str, Any]


def measure_audit(drawn: pl.DataFrame, means: pl.DataFrame, bounds: Bounds) -> Record:
    """Return the judge's agreement with people: each measure `plain`, and `weighted` by 1 / inclusion probability.

    `drawn` are the turns of the audit, `means` what people said of them on average. A weighted figure is the Hajek
    estimate for the scored turns of the corpus; intervals resample dialogues, and take the turns that nobody rated for
    ones like the others.
    """
    people = {name: f"people_{name}" for name in (*DIMENSIONS, "rating")}
    turns = drawn.join(means.rename(people), on="turn_key", how="inner", maintain_order="left")
    figures: list[Record] = []
    for name in DIMENSIONS:
        rated = turns.drop_nulls(people[name])
        judge, said = rated[name].to_numpy(), rated[people[name]].to_numpy()
        figures.append(measure(rated, "spearman", name, make_spearman, judge, said))
        figures.append(measure(rated, "within one", name, make_mean, (np.abs(judge - said) <= 1).astype(np.float64)))
        figures.append(measure(rated, "judge minus people", name, make_mean, judge - said))
    figures += compare_subsets(turns.drop_nulls([people[name] for name in DIMENSIONS]), bounds)
    rated = turns.drop_nulls(people["rating"])
    if len(rated):
        said = rated[people["rating"]].to_numpy()
        figures += [
            measure(rated, "spearman with rating", name, make_spearman, rated[name].to_numpy(), said)
            for name in DIMENSIONS
        ]
    return {"figures": figures, "n_effective": count_effective(1 / turns["probability"].to_numpy())}


def compare_subsets(turns: pl.DataFrame, bounds: Bounds) -> list[Record]:
    """Return the overlap of what the judge's and the people's scores select by the rule `paper`."""
    parts = []
    for columns in (DIMENSIONS, [f"people_{name}" for name in DIMENSIONS]):
        sensibility, rationality = split_turns(turns.select(columns).to_numpy(), *bounds)
        parts.append((sensibility, rationality, ~(sensibility | rationality)))
    pairs = zip(Subset, *parts, strict=True)
    return [measure(turns, "subset Jaccard", name.value, make_jaccard, ours, theirs) for name, ours, theirs in pairs]


def measure(turns: pl.DataFrame, name: str, of: str, make: Callable[..., Statistic], *values: NDArray[Any]) -> Record:
    """Return a measure over rated turns, plain and weighted back to the corpus."""
    weights = 1 / turns["probability"].to_numpy()
    dialogues = turns["dialogue_id"].to_list()
    found = {
        "plain": Resamples(dialogues).measure(make, *values),
        "weighted": Resamples(dialogues, weights).measure(make, *values),
    }
    return {"measure": name, "of": of, **{way: asdict(figure) for way, figure in found.items()}}


def make_mean(values: Floats) -> Statistic:
    """Return the mean."""
    return lambda weights: weights @ values / weights.sum(axis=1)


def measure_raters(table: pl.DataFrame, drawn: pl.DataFrame, raters: Sequence[str]) -> list[Record]:
    """Return Krippendorff's alpha between the raters on each axis; nothing of one rater alone."""
    if len(raters) < 2:
        return []
    numbers = [str(number) for number in range(len(raters))]  # a rater may be called as a column is
    table = table.with_columns(table["rater"].replace_strict(dict(zip(raters, numbers, strict=True))))
    records = []
    for axis in (*DIMENSIONS, "rating"):
        rated = table.drop_nulls(axis)
        if rated.is_empty():
            continue
        wide = rated.pivot("rater", index="turn_key", values=axis)
        wide = wide.join(drawn.select("turn_key", "dialogue_id"), on="turn_key", how="left").sort("turn_key")
        scores = wide.select(name for name in numbers if name in wide.columns).fill_null(float("nan")).to_numpy()
        figure = Resamples(wide["dialogue_id"].to_list()).measure(make_alpha, scores)
        n_twice = int((np.isfinite(scores).sum(axis=1) >= 2).sum())
        records.append({"axis": axis, "n_raters": scores.shape[1], "n_twice": n_twice, "alpha": asdict(figure)})
    return records
