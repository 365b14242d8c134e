"""The end of an active run: the LLM's scores where it was asked, guesses elsewhere, and how good these are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.judges.active.course import Course, Reason, find_scores_before, learn
from tasks.judges.active.estimate import Estimate, estimate_agreement
from tasks.judges.active.learner import Guess
from tasks.judges.active.pool import Pool, guess_all
from tasks.judges.cross_validation import split_turns
from tasks.schema import ArtifactRef

SCORES_FILE, WEIGHTS_FILE = "scores.parquet", "distilled.safetensors"


def conclude(course: Course, round_: ArtifactRef) -> ArtifactRef:
    """Return the artifact (kind `active`) of the scores of all turns, given the last round that was asked.

    The guesses come from what was known before the audit, if that was the round, so that its turns say what a guess is
    worth. Files: scores.parquet (turn_key, sensibility, rationality, sensibility_sd, rationality_sd, is_asked) and the
    weights of the distilled judge behind the guesses. Facts: counts, estimate, thresholds.
    """
    facts = course.artifacts.read_manifest(round_.uri)["facts"]
    is_audited = facts["reason"] == Reason.AUDIT
    before = find_scores_before(course.artifacts, round_) if is_audited else course.scores

    def build(folder: Path) -> dict[str, Any]:
        now, then = course.open_pool(), course.open_pool(before)
        learner = learn(then, course.thresholds)
        guess = guess_all(then, learner)
        estimate = estimate_from(now, then, guess, course.thresholds)
        write_scores(now, guess, folder / SCORES_FILE)
        sha256 = learner.write(folder / WEIGHTS_FILE)
        return {
            "n_rows": len(now.turns), "n_scored": int(now.is_scored.sum()), "n_asked": int(now.is_asked.sum()),
            "n_audited": estimate.n_audited, "estimate": estimate.describe(), "expected": facts["expected"],
            "thresholds": list(course.thresholds), "weights": sha256, "shares": measure_shares(now, guess, course),
        }  # fmt: skip

    return course.artifacts.produce(course.recipe("active", round=round_.config_digest), build)


def estimate_from(now: Pool, then: Pool, guess: Guess, thresholds: tuple[float, float]) -> Estimate:
    """Return what the turns scored since `then`, which were drawn by chance, say of the guesses."""
    audited = np.flatnonzero(now.is_scored & ~then.is_scored)
    return estimate_agreement(
        now.scores[now.is_scored], now.scores[audited], guess.scores[audited], int((~now.is_scored).sum()), thresholds
    )


def merge_scores(now: Pool, guess: Guess) -> NDArray[np.float64]:
    """Return the scores (n, 2) that are in force: the LLM's where there are any."""
    return np.where(now.is_scored[:, None], now.scores, guess.scores)


def write_scores(now: Pool, guess: Guess, path: Path) -> None:
    """Write the scores of all turns, with the deviations that the LLM's own have or the guesses are thought to have."""
    import polars as pl

    scores = merge_scores(now, guess)
    deviations = np.where(now.is_scored[:, None], now.deviations, guess.deviations)
    columns = {
        "sensibility": scores[:, 0],
        "rationality": scores[:, 1],
        "sensibility_sd": deviations[:, 0],
        "rationality_sd": deviations[:, 1],
        "is_asked": now.is_scored,
    }
    table = pl.DataFrame({"turn_key": now.turns["turn_key"], **columns})
    table.with_columns(pl.col("sensibility_sd", "rationality_sd").fill_nan(None)).write_parquet(path)


def measure_shares(now: Pool, guess: Guess, course: Course) -> dict[str, float]:
    """Return the share of turns in each subset."""
    sensibility, rationality = split_turns(merge_scores(now, guess), *course.thresholds)
    return {"sensibility": round(float(sensibility.mean()), 6), "rationality": round(float(rationality.mean()), 6)}
