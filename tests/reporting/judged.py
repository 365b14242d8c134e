"""Eleven turns and three judges whose figures can be worked out by hand, and records of validations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from tasks.reporting import ReportInputs
from tasks.reporting.inputs import JudgeScores

MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
TURNS = {
    "dialogue_id": pl.String, "utterance_idx": pl.Int32, "turn_key": pl.String, "split": pl.String,
    "emotion": pl.String, "prompt": MESSAGES, "response": pl.String,
}  # fmt: skip
SCORES = {"turn_key": pl.String, "sensibility": pl.Float64, "rationality": pl.Float64, "method": pl.String,
          "unscored_reason": pl.String}  # fmt: skip
N = 11


def write_turns(folder: Path) -> Path:
    """Write a corpus of eleven dialogues with a turn each: turn n is answered with n + 1 words; proud below turn 5."""
    folder.mkdir(parents=True)
    rows = [
        {"dialogue_id": f"d{n}", "utterance_idx": 2, "turn_key": f"{n:064x}", "split": "train",
         "emotion": "proud" if n < 5 else "lonely", "prompt": [{"role": "user", "content": f"The wall, {n}."}],
         "response": " ".join(["brick"] * (n + 1))}
        for n in range(N)
    ]  # fmt: skip
    pl.DataFrame(rows, schema=TURNS).write_parquet(folder / "turns.parquet")
    dialogues = [{"dialogue_id": row["dialogue_id"], "split": "train", "emotion": row["emotion"], "situation": "",
                  "n_utterances": 2} for row in rows]  # fmt: skip
    pl.DataFrame(dialogues).write_parquet(folder / "dialogues.parquet")
    quarantine = {"source": pl.String, "line": pl.Int64, "reason": pl.String, "raw": pl.String}
    pl.DataFrame(schema=quarantine).write_parquet(folder / "quarantine.parquet")
    return folder


def write_scores(folder: Path, scores: list[tuple[int, float, float]]) -> Path:
    """Write what a judge gave: (turn, sensibility, rationality) of each; the other turns have no score."""
    folder.mkdir(parents=True)
    given = {n: (s, r) for n, s, r in scores}
    rows = [(f"{n:064x}", *given.get(n, (None, None)), "point", None if n in given else "refusal") for n in range(N)]
    pl.DataFrame(rows, schema=SCORES, orient="row").write_parquet(folder / "scores.parquet")
    return folder


def make_inputs(root: Path, **changed: Any) -> ReportInputs:
    """Return a report's inputs of three judges.

    The first gives turn n sensibility n and rationality 10 - n, the second one more sensibility to the first ten
    turns and the same rationality, the third has scored five turns.
    """
    corpus = write_turns(root / "dialogues")
    given = {
        "first": [(n, n, 10 - n) for n in range(11)],
        "second": [(n, n + 1, 10 - n) for n in range(10)],
        "third": [(n, 5, 5) for n in range(5)],
    }
    folders = {name: write_scores(root / name, scores) for name, scores in given.items()}
    judges = [JudgeScores(f"id-{name}", name, folder) for name, folder in folders.items()]
    fields = {"dialogues": [corpus], "scores": folders["first"], "judge_alias": "first", "judges": judges}
    return ReportInputs(**fields | changed)


def measure(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    """Return a measure as a record has it."""
    return {"value": value, "low": low, "high": high, "n": 20, "why": "" if value is not None else "it does not vary"}


def make_validation(judge: str = "first", reference: str | None = "people.csv", **changed: Any) -> dict[str, Any]:
    """Return a record of `empathy judge validate` against ratings of 1 to 3."""
    agreement = [
        {"axis": "rating", "predictor": name, "kind": kind, "spearman": measure(rho, rho - 0.1, rho + 0.1),
         "pearson": measure(rho), "auc": measure(0.5 + rho / 2), "kappa": measure(None)}
        for name, kind, rho in (("sensibility", "judge", 0.4), ("rationality", "judge", -0.05),
                                ("affect words", "baseline", 0.2), ("question marks", "baseline", -0.3))
    ]  # fmt: skip
    scores = {"sensibility": measure(0.25, 0.2, 0.3), "rationality": measure(-0.5), "reference_rating": measure(0.1)}
    properties = ("affect words", "response length", "question marks", "turn position")
    use = {"mean": 6.5, "sd": 1.25, "mode": 8, "modal_share": 0.75, "entropy": 0.35}
    record = {
        "judge": judge, "reference": reference, "axes": ["rating"] if reference else [], "n_turns": 20,
        "saturation": {"sensibility": use, "rationality": use},
        "n_dialogues": 12, "threshold": 5, "notes": ["measured on a few"], "high": {"rating": {"said": "3", "n": 4}},
        "agreement": agreement if reference else [],
        "bias": [{"with": name, "measure": "spearman", "scores": scores} for name in properties],
        "by_emotion": [{"emotion": "proud", "n": 20, "sensibility": 6.5, "rationality": 3.5, "reference_rating": 2}],
        "cells": {"scores": [{"sensibility": 8, "rationality": 2, "n": 15},
                             {"sensibility": 2, "rationality": 8, "n": 5}],
                  "sensibility_rating": [{"score": 8, "reference": 3, "n": 15}, {"score": 2, "reference": 1, "n": 5}]},
    }  # fmt: skip
    return record | changed


def make_overlaps(jaccard: float) -> list[dict[str, Any]]:
    """Return what the record of a validation against scores says of one subset of 12 turns and of 10."""
    counted = {"affect words": measure(0.4, 0.3, 0.5) | {"end": "lowest"}}
    return [{"subset": "sensibility", "n_judge": 12, "n_reference": 10, "jaccard": measure(jaccard, 0.7, 0.9),
             "chance": 0.375, "baselines": counted}]  # fmt: skip


def make_comparison(judges: tuple[str, ...] = ("first", "second"), text: str = "The wall fell.") -> dict[str, Any]:
    """Return a record of `empathy judge compare` without a reference; of more than two judges only the first pair."""
    one = make_validation(reference=None)
    shared = {key: one[key] for key in ("axes", "n_turns", "n_dialogues", "threshold", "high", "agreement")}
    given = {judge: {"sensibility": 8.0 - 3 * at, "rationality": 2.0} for at, judge in enumerate(judges)}
    pair, sizes = list(judges[:2]), {"sensibility": 10, "rationality": 8, "discard": 2}
    return shared | {
        "judges": list(judges), "reference": None, "notes": [],
        "pairs": [{"judges": pair, "dimension": name, "spearman": measure(0.75, 0.7, 0.8),
                   "kappa": measure(0.5), "mean_difference": -1.25, "cells": [{"first": 8, "second": 7, "n": 20}]}
                  for name in ("sensibility", "rationality")],
        "alpha": {"sensibility": measure(0.625)},
        "saturation": dict.fromkeys(judges, one["saturation"]),
        "subsets": [{"threshold": at, "sizes": dict.fromkeys(judges, sizes),
                     "jaccard": [{"judges": pair, "sensibility": measure(at / 10, 0.2, 0.7),
                                  "rationality": measure(0.25), "discard": measure(None)}]} for at in (4, 5)],
        "bias": dict.fromkeys(judges, one["bias"]), "by_emotion": dict.fromkeys(judges, one["by_emotion"]),
        "cells": dict.fromkeys(judges, one["cells"]),
        "differences": [{"turn_key": "ab" * 32, "dialogue_id": "d1", "utterance_idx": 2, "emotion": "proud",
                         "system": None, "prompt": [{"role": "user", "content": text}], "response": f"Oh: {text}",
                         "distance": 3.0, "scores": given, "reference": {}}],
    }  # fmt: skip
