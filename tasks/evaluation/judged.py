"""Generated responses as turns that any judge can score, and its scores beside the responses again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tasks.chat import to_utterances
from tasks.config import ScoringConfig
from tasks.errors import ArtifactError
from tasks.evaluation.summary import TURN
from tasks.manifest import Recipe
from tasks.progress import report_notice
from tasks.schema import ArtifactRef, make_turn_key

GENERATED_VERSION = 1  # raise it when the same responses give other turns
EMPTY = "empty_response"
NOT_ASKED = "not_asked"
NOTHING_USD = 1e-12
TURNS_FILE = "turns.parquet"
SCORES_FILE = "scores.parquet"
SCORES = ("sensibility", "rationality", "sensibility_sd", "rationality_sd", "unscored_reason")


def generated_recipe(responses: Sequence[ArtifactRef], corpus: Sequence[ArtifactRef]) -> Recipe:
    """Return the recipe of these systems' responses as turns; the corpus has what was said before."""
    return Recipe(kind="generated", stage_version=GENERATED_VERSION, config={}, parents=(*responses, *corpus))


def lift_limits(scoring: ScoringConfig) -> ScoringConfig:
    """Return how fast and for how much responses are judged: as the corpus is, and none of them left out.

    The anchors are not asked about again: that gate stands before the scoring of the dialogues.
    """
    return scoring.model_copy(update={"split": "all", "limit": None, "batch_results": (), "drift_gate": False})


def cut_budget(scoring: ScoringConfig, spent_usd: float) -> ScoringConfig:
    """Return the limits of the next judge of an evaluation, one that was before having spent so much of the budget.

    Where nothing is left, what is left is too little for any call.
    """
    if scoring.max_cost_usd is None or not spent_usd:
        return scoring
    left = max(scoring.max_cost_usd - spent_usd, NOTHING_USD)
    report_notice(f"{left:.4f} of the budget of {scoring.max_cost_usd:g} USD are left for the next judge.")
    return scoring.model_copy(update={"max_cost_usd": left})


def make_generated(responses: pl.DataFrame, turns: pl.DataFrame) -> pl.DataFrame:
    """Return every response with a word in it as a row in the shape of `turns.parquet`.

    The context is the turn's own, without what a system was told beside it; `dialogue_id` is
    SYSTEM:DIALOGUE. Raises ArtifactError if a response is to a turn that is not among `turns`.
    """
    said = join_context(responses.filter(has_words(pl.col("response"))), turns)
    keys = [
        make_turn_key(to_utterances(prompt), response)
        for prompt, response in said.select("prompt", "response").iter_rows()
    ]
    return said.select(
        name_dialogue().alias("dialogue_id"), "utterance_idx", pl.Series("turn_key", keys, pl.String), "split",
        "emotion", "prompt", "response",
    )  # fmt: skip


def join_context(responses: pl.DataFrame, turns: pl.DataFrame) -> pl.DataFrame:
    """Return the responses in their order with `split`, `emotion` and `prompt` of the turn that each answers.

    Raises ArtifactError if one of the turns is not there.
    """
    context = turns.select(*TURN, "split", "emotion", "prompt")
    said = responses.drop("prompt").join(context, on=list(TURN), how="left", validate="m:1", maintain_order="left")
    missing = said.filter(pl.col("split").is_null())
    if len(missing):
        raise ArtifactError(
            f"{len(missing):,} responses are to turns that the dialogues do not have.",
            where=f"dialogue {missing['dialogue_id'][0]} and others",
            do="run `empathy evaluate` on the dialogues that the subsets were selected from",
        )
    return said


def judge_rows(responses: pl.DataFrame, generated: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each response: whose it is, the key it was judged by, its scores or why it has none."""
    keys = generated.select(
        pl.col("dialogue_id").alias("_name"), "utterance_idx", pl.col("turn_key").alias("generated_key")
    )
    given = scores.select(pl.col("turn_key").alias("generated_key"), *SCORES)
    rows = responses.filter(pl.col("response").is_not_null()).with_columns(name_dialogue().alias("_name"))
    rows = rows.join(keys, on=["_name", "utterance_idx"], how="left", maintain_order="left")
    rows = rows.join(given, on="generated_key", how="left", maintain_order="left")
    reason = (
        pl.when(pl.col("generated_key").is_null())
        .then(pl.lit(EMPTY))
        .when(pl.col("sensibility").is_null())
        .then(pl.coalesce("unscored_reason", pl.lit(NOT_ASKED)))
    )
    return rows.select("system", *TURN, "turn_key", "generated_key", *SCORES[:-1], reason.alias("unscored_reason"))


def attach_scores(responses: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """Return the responses with the columns `judged_sensibility` and `judged_rationality`, null where not scored."""
    scores = judged.select("system", *TURN, pl.col("sensibility", "rationality").name.prefix("judged_"))
    return responses.join(scores, on=["system", *TURN], how="left", maintain_order="left")


def write_generated(folder: Path, responses: pl.DataFrame, turns: pl.DataFrame) -> dict[str, Any]:
    """Write the responses as turns and return the artifact's facts."""
    generated = make_generated(responses, turns)
    generated.write_parquet(folder / TURNS_FILE)
    n_empty = responses["response"].count() - len(generated)
    return {"n_rows": len(generated), "n_empty": n_empty}


def has_words(response: pl.Expr) -> pl.Expr:
    """Say whether a response, if there is one, is more than white space."""
    return response.str.contains(r"\S").fill_null(value=False)


def name_dialogue() -> pl.Expr:
    """Name a system's side of a dialogue: no dialogue of the corpus, and none of another system."""
    return pl.concat_str("system", "dialogue_id", separator=":")
