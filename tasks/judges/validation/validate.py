"""One judge: its agreement with a reference, the baselines beside it, its biases, its saturation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from tasks.judges.validation.agreement import Axis, compare_subsets, make_axis, measure_agreement, stack_scores
from tasks.judges.validation.baselines import count_baselines
from tasks.judges.validation.bias import measure_bias, measure_saturation
from tasks.judges.validation.figures import list_cells, list_emotions
from tasks.judges.validation.gathering import JudgedTurns, score_column
from tasks.judges.validation.measures import Floats
from tasks.judges.validation.notes import write_notes
from tasks.judges.validation.panel import count_surface
from tasks.judges.validation.resampling import LEVEL, N_RESAMPLES, SEED, Resamples
from tasks.scoring import DIMENSIONS

Record = dict[str, Any]


def validate_judge(judged: JudgedTurns, threshold: float) -> Record:
    """Return everything that `empathy judge validate` says of the first judge, as one JSON-able record.

    Measures are {value, low, high, n, why}: value or interval None with the reason in `why`. `agreement` and `subsets`
    are empty without a reference, `subsets` also where the reference lacks one of the two scores.
    """
    resamples = Resamples(list_dialogues(judged))
    scores = read_scores(judged, 0)
    baselines = count_baselines(judged.turns["response"].to_list())
    axes = read_axes(judged, threshold)
    record = describe_turns(judged, resamples, threshold) | {"judge": judged.judges[0]}
    predictors = [("judge", name, values) for name, values in scores.items()]
    predictors += [("baseline", name, values) for name, values in baselines.items()]
    record["high"] = {axis.name: axis.describe() for axis in axes}
    record["agreement"] = [
        measure_agreement(name, kind, values, axis, resamples)
        for axis in axes
        for kind, name, values in predictors
        if kind == "baseline" or not axis.is_scale or name == axis.name
    ]
    record["by_system"] = compare_systems(judged, scores | baselines, axes)
    theirs = {axis.name: axis.values for axis in axes if axis.is_scale}
    record["subsets"] = []
    if len(theirs) == len(DIMENSIONS):
        pair = stack_scores(*scores.values()), stack_scores(*(theirs[name] for name in DIMENSIONS))
        record["subsets"] = compare_subsets(*pair, threshold, baselines, resamples)
    columns = scores | {f"reference_{axis.name}": axis.values for axis in axes}
    surface = count_surface(judged.turns)
    record["bias"] = measure_bias(columns, surface, judged.turns["emotion"].to_list(), resamples)
    record["saturation"] = {name: measure_saturation(values) for name, values in (scores | rename(theirs)).items()}
    record["by_emotion"] = list_emotions(judged.turns["emotion"].to_list(), columns)
    record["cells"] = list_cells(scores, axes)
    return record


def rename(theirs: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the reference's scores under names that tell them from the judge's."""
    return {f"reference_{name}": values for name, values in theirs.items()}


def read_scores(judged: JudgedTurns, judge: int) -> dict[str, Floats]:
    """Return a judge's scores (n,) by dimension."""
    return {name: judged.turns[score_column(judge, name)].to_numpy() for name in DIMENSIONS}


def read_axes(judged: JudgedTurns, threshold: float) -> list[Axis]:
    """Return what the reference said; nothing without one."""
    if judged.reference is None:
        return []
    return [make_axis(name, judged.turns[f"reference_{name}"].to_numpy(), threshold) for name in judged.reference.axes]


def list_dialogues(judged: JudgedTurns) -> list[str]:
    """Return the dialogue of each turn.

    Where it is not known, responses to the same words are of one dialogue: those of several systems to one prompt rise
    and fall together. A response to nothing is one of its own.
    """
    rows = judged.turns.select("dialogue_id", "prompt", "turn_key").iter_rows()
    return [
        f"dialogue {dialogue}" if dialogue is not None else f"prompt {json.dumps(prompt)}" if prompt else f"turn {key}"
        for dialogue, prompt, key in rows
    ]


def describe_turns(judged: JudgedTurns, resamples: Resamples, threshold: float) -> Record:
    """Return what was measured, on what, and how the intervals were made."""
    return {
        "reference": judged.reference.name if judged.reference else None,
        "axes": list(judged.reference.axes) if judged.reference else [],
        "n_turns": resamples.n_turns,
        "n_common": judged.n_common,
        "n_rated": judged.n_rated,
        "n_dialogues": resamples.n_dialogues,
        "threshold": threshold,
        "left_out": judged.left_out,
        "notes": write_notes(judged),
        "intervals": {"level": LEVEL, "method": "percentile bootstrap of dialogues", "n_resamples": N_RESAMPLES,
                      "seed": SEED},
    }  # fmt: skip


def compare_systems(judged: JudgedTurns, predictors: Mapping[str, Floats], axes: list[Axis]) -> list[Record]:
    """Return, for the responses of each system, means and Spearman with each axis; nothing of one system alone.

    Systems that differ in everything make a judge look good that only tells them apart.
    """
    from scipy.stats import spearmanr

    systems = judged.turns["system"].fill_null("").to_numpy()
    names = sorted(set(systems.tolist()))
    if len(names) < 2 or not axes:
        return []
    records = []
    for system in names:
        rows = systems == system
        means = {
            **{name: v[rows] for name, v in predictors.items()},
            **{f"reference_{a.name}": a.values[rows] for a in axes},
        }
        of_axis = {}
        for axis in axes:
            target = axis.values[rows]
            of_axis[axis.name] = {
                name: round(float(spearmanr(v[rows], target).statistic), 6)
                if np.ptp(v[rows]) and np.ptp(target)
                else None
                for name, v in predictors.items()
            }
        mean = {name: round(float(v.mean()), 6) for name, v in means.items()}
        records.append({"system": system, "n": int(rows.sum()), "mean": mean, "spearman": of_axis})
    return records
