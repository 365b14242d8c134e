"""Several judges or rubrics on the same turns: how alike they score, select, and where they part."""

from __future__ import annotations

from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np

from tasks.judges.cross_validation import THRESHOLDS
from tasks.judges.validation.agreement import measure_agreement, split_all, stack_scores
from tasks.judges.validation.baselines import count_baselines
from tasks.judges.validation.bias import measure_bias, measure_saturation
from tasks.judges.validation.figures import list_cells, list_emotions
from tasks.judges.validation.gathering import JudgedTurns
from tasks.judges.validation.measures import Floats, make_alpha, make_jaccard
from tasks.judges.validation.panel import count_surface, measure_pair
from tasks.judges.validation.resampling import Resamples
from tasks.judges.validation.validate import describe_turns, list_dialogues, read_axes, read_scores
from tasks.schema import Subset
from tasks.scoring import DIMENSIONS

Record = dict[str, Any]


def contrast_judges(judged: JudgedTurns, threshold: float, n_examples: int) -> Record:
    """Return everything that `empathy judge compare` says, as one JSON-able record; measures as in `validate`."""
    resamples = Resamples(list_dialogues(judged))
    scores = [read_scores(judged, place) for place in range(len(judged.judges))]
    record = describe_turns(judged, resamples, threshold) | {"judges": list(judged.judges)}
    record["pairs"] = compare_pairs(judged, scores, resamples)
    record["alpha"] = {
        name: asdict(resamples.measure(make_alpha, stack_scores(*(one[name] for one in scores)))) for name in DIMENSIONS
    }
    record["saturation"] = {
        judge: {name: measure_saturation(values) for name, values in one.items()}
        for judge, one in zip(judged.judges, scores, strict=True)
    }
    record["subsets"] = [compare_selections(judged, scores, at, resamples) for at in THRESHOLDS]
    record["high"] = {axis.name: axis.describe() for axis in read_axes(judged, threshold)}
    record["agreement"] = compare_with_reference(judged, scores, threshold, resamples)
    record |= profile_judges(judged, scores, threshold, resamples)
    record["differences"] = find_differences(judged, scores, n_examples)
    return record


def profile_judges(
    judged: JudgedTurns, scores: list[dict[str, Floats]], threshold: float, resamples: Resamples
) -> Record:
    """Return what `validate_judge` says of each judge alone: `bias`, `by_emotion` and `cells`, by its name."""
    emotions, surface = judged.turns["emotion"].to_list(), count_surface(judged.turns)
    axes = read_axes(judged, threshold)
    named = dict(zip(judged.judges, scores, strict=True))
    return {
        "bias": {judge: measure_bias(one, surface, emotions, resamples) for judge, one in named.items()},
        "by_emotion": {judge: list_emotions(emotions, one) for judge, one in named.items()},
        "cells": {judge: list_cells(one, axes) for judge, one in named.items()},
    }


def compare_pairs(judged: JudgedTurns, scores: list[dict[str, Floats]], resamples: Resamples) -> list[Record]:
    """Return Spearman and quadratic-weighted kappa of each pair of judges, for each score."""
    return [
        {"judges": [judged.judges[a], judged.judges[b]], "dimension": name,
         **measure_pair(scores[a], scores[b], name, resamples)}
        for a, b in combinations(range(len(scores)), 2)
        for name in DIMENSIONS
    ]  # fmt: skip


def compare_selections(
    judged: JudgedTurns, scores: list[dict[str, Floats]], threshold: float, resamples: Resamples
) -> Record:
    """Return sizes of each judge's subsets under the rule `paper` at one threshold, and each pair's overlap."""
    parts = [split_all(stack_scores(*one.values()), threshold) for one in scores]
    sizes = {
        judge: {subset.value: int(part.sum()) for subset, part in zip(Subset, of_judge, strict=True)}
        for judge, of_judge in zip(judged.judges, parts, strict=True)
    }
    overlaps = [
        {"judges": [judged.judges[a], judged.judges[b]],
         **{subset.value: asdict(resamples.measure(make_jaccard, parts[a][place], parts[b][place]))
            for place, subset in enumerate(Subset)}}
        for a, b in combinations(range(len(scores)), 2)
    ]  # fmt: skip
    return {"threshold": threshold, "sizes": sizes, "jaccard": overlaps}


def compare_with_reference(
    judged: JudgedTurns, scores: list[dict[str, Floats]], threshold: float, resamples: Resamples
) -> list[Record]:
    """Return each judge's agreement with the reference, then the baselines'; `judge` is empty of a baseline."""
    baselines = count_baselines(judged.turns["response"].to_list())
    found: list[Record] = []
    for axis in read_axes(judged, threshold):
        found += [
            {"judge": judge, **measure_agreement(name, "judge", values, axis, resamples)}
            for judge, one in zip(judged.judges, scores, strict=True)
            for name, values in one.items()
            if not axis.is_scale or name == axis.name
        ]
        found += [
            {"judge": "", **measure_agreement(name, "baseline", values, axis, resamples)}
            for name, values in baselines.items()
        ]
    return found


def find_differences(judged: JudgedTurns, scores: list[dict[str, Floats]], n: int) -> list[Record]:
    """Return the n turns on which the judges' scores lie furthest apart (the ranges of both added), with their texts.

    Of one dialogue only the turn that they differ on most is shown.
    """
    spread = np.sum([np.ptp(stack_scores(*(one[name] for one in scores)), axis=1) for name in DIMENSIONS], axis=0)
    dialogues, shown = list_dialogues(judged), set()
    records: list[Record] = []
    for row in np.argsort(-spread, kind="stable").tolist():
        if len(records) == n or spread[row] == 0:
            break
        if dialogues[row] in shown:
            continue
        shown.add(dialogues[row])
        found = judged.turns.row(row, named=True)
        given = {
            judge: {name: float(one[name][row]) for name in DIMENSIONS}
            for judge, one in zip(judged.judges, scores, strict=True)
        }
        axes = judged.reference.axes if judged.reference else ()
        texts = ("turn_key", "dialogue_id", "utterance_idx", "emotion", "system", "prompt", "response")
        records.append(
            {**{name: found[name] for name in texts}, "distance": float(spread[row]), "scores": given,
             "reference": {axis: found[f"reference_{axis}"] for axis in axes}}
        )  # fmt: skip
    return records
