"""The end of an active run: the LLM's scores where it was asked, guesses elsewhere, and how good these are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.judges.active.course import WEIGHTS_FILE, Course, find_scores_before, read_guesses
from tasks.judges.active.estimate import Estimate, estimate_agreement
from tasks.judges.active.learner import Guess
from tasks.judges.active.pool import Pool
from tasks.judges.cross_validation import split_turns
from tasks.progress import report_notice
from tasks.schema import ArtifactRef

SCORES_FILE = "scores.parquet"


def conclude(course: Course, audit: ArtifactRef) -> ArtifactRef:
    """Return the artifact (kind `active`) of the scores of all turns, given the audit that ended the run.

    The guesses were made before the audit, so that its turns say what a guess is worth. Files: scores.parquet
    (turn_key, sensibility, rationality, sensibility_sd, rationality_sd, is_asked, unscored_reason) and the weights of
    the distilled judge behind the guesses. Facts: counts, estimate, thresholds. What the LLM refused has no score here
    either, as a full run would give it none.
    """
    facts = course.artifacts.read_manifest(audit.uri)["facts"]
    paid = course.artifacts.read_manifest(course.scores.uri)["facts"]

    def build(folder: Path) -> dict[str, Any]:
        now, then = course.open_pool(), course.open_pool(find_scores_before(course.artifacts, audit))
        guess = read_guesses(course, audit)
        estimate = estimate_from(now, then, guess, course.thresholds)
        write_scores(now, guess, folder / SCORES_FILE)
        (folder / WEIGHTS_FILE).write_bytes((course.artifacts.open(audit) / WEIGHTS_FILE).read_bytes())
        return {
            "n_rows": len(now.turns), "n_scored": int(now.is_scored.sum()), "n_asked": int(now.is_asked.sum()),
            "n_audited": estimate.n_audited, "estimate": estimate.describe(), "thresholds": list(course.thresholds),
            "shares": measure_shares(now, guess, course), "expected": facts["expected"], "bound": course.config.bound,
            "ended_by": facts["ended_by"], "weights": facts["weights"], "cost_usd": paid.get("cost_usd"),
        }  # fmt: skip

    ref = course.artifacts.produce(course.recipe("active", audit=audit.config_digest), build)
    made = course.artifacts.read_manifest(ref.uri)["facts"]
    if not made["n_audited"] and made["estimate"]["n_guessed"]:
        report_notice(
            f"Nothing was audited: {made['n_asked']:,} of {made['n_rows']:,} turns had been asked about, which is the "
            "whole budget. A larger --budget leaves room for it."
        )
    return ref


def estimate_from(now: Pool, then: Pool, guess: Guess, thresholds: tuple[float, float]) -> Estimate:
    """Return what the turns scored since `then`, which were drawn by chance, say of the guesses."""
    audited = np.flatnonzero(now.is_scored & ~then.is_scored)
    return estimate_agreement(
        now.scores[now.is_scored], now.scores[audited], guess.scores[audited], int((~now.is_asked).sum()), thresholds
    )


def merge_scores(now: Pool, guess: Guess) -> NDArray[np.float64]:
    """Return the scores (n, 2) that are in force: the LLM's where it was asked, NaN where it gave none."""
    return np.where(now.is_asked[:, None], now.scores, guess.scores)


def write_scores(now: Pool, guess: Guess, path: Path) -> None:
    """Write the scores of all turns, with the deviations that the LLM's own have or the guesses are thought to have."""
    import polars as pl

    scores = merge_scores(now, guess)
    deviations = np.where(now.is_asked[:, None], now.deviations, guess.deviations)
    columns = {
        "sensibility": scores[:, 0],
        "rationality": scores[:, 1],
        "sensibility_sd": deviations[:, 0],
        "rationality_sd": deviations[:, 1],
    }
    reasons = pl.when(pl.Series(now.is_asked & ~now.is_scored)).then(now.turns["unscored_reason"])
    table = pl.DataFrame({"turn_key": now.turns["turn_key"], **columns, "is_asked": now.is_asked})
    table.with_columns(pl.col(*columns).fill_nan(None), unscored_reason=reasons).write_parquet(path)


def measure_shares(now: Pool, guess: Guess, course: Course) -> dict[str, float]:
    """Return the share of turns in each subset."""
    sensibility, rationality = split_turns(merge_scores(now, guess), *course.thresholds)
    return {"sensibility": round(float(sensibility.mean()), 6), "rationality": round(float(rationality.mean()), 6)}
