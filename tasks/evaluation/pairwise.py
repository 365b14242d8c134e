"""Two systems' responses to the same turn, compared by an LLM in both orders.

A judge may prefer whatever it reads first. As in MT-Bench (Zheng et al. 2023, arXiv 2306.05685, section 3.4) a win
counts only if both orders agree on it; orders that disagree are a tie.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tasks.chat import to_utterances
from tasks.config import EvaluationConfig, PairwiseConfig
from tasks.errors import ConfigError
from tasks.evaluation.bootstrap import bootstrap_intervals
from tasks.evaluation.judged import EMPTY, has_words, join_context
from tasks.evaluation.metrics import AdditiveMetric
from tasks.evaluation.metrics.additive import divide
from tasks.evaluation.summary import TURN
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef, normalise_text
from tasks.scoring import QUESTIONS_FILE, make_question_key, questions_schema

QUESTIONS_VERSION = 1  # raise it when the same responses give other questions
PAIRS_FILE = "pairs.parquet"
PAIRS_SCHEMA = {
    "system": pl.String,
    "rival": pl.String,
    "dialogue_id": pl.String,
    "utterance_idx": pl.Int32,
    "turn_key": pl.String,
    "forward_key": pl.String,
    "backward_key": pl.String,
    "outcome": pl.String,
    "unanswered_reason": pl.String,
}
WINS_SCHEMA = {
    "system": pl.String,
    "rival": pl.String,
    "n_wins": pl.Int64,
    "n_ties": pl.Int64,
    "n_losses": pl.Int64,
    "n_unanswered": pl.Int64,
    "win_rate": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
POINTS = {"win": 1.0, "tie": 0.5, "loss": 0.0}


def list_pairs(config: PairwiseConfig, systems: Collection[str]) -> list[tuple[str, str]]:
    """Return the pairs to compare, those whose systems are both there. Raises ConfigError if there is none."""
    pairs: list[tuple[str, str]] = [
        (system, rival) for system, rival in config.pairs if system in systems and rival in systems
    ]
    if not pairs:
        wanted = ", ".join(" - ".join(pair) for pair in config.pairs)
        raise ConfigError(
            "There is no pair of systems to compare.",
            where=f"evaluation.pairwise.pairs: {wanted}; evaluated: {', '.join(sorted(systems))}",
            do="evaluate both systems of a pair",
        )
    return pairs


def check_pairs(config: EvaluationConfig, systems: Collection[str]) -> None:
    """Raise ConfigError if pairs are to be compared and these systems give none."""
    if config.pairwise is not None:
        list_pairs(config.pairwise, systems)


def questions_recipe(
    responses: Sequence[ArtifactRef], corpus: Sequence[ArtifactRef], pairs: Sequence[tuple[str, str]]
) -> Recipe:
    """Return the recipe of the questions about these pairs of systems."""
    return Recipe(
        kind="questions",
        stage_version=QUESTIONS_VERSION,
        config={"pairs": [list(pair) for pair in pairs]},
        parents=(*responses, *corpus),
    )


def write_questions(
    folder: Path, responses: pl.DataFrame, turns: pl.DataFrame, pairs: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Write what is to be asked and what it is asked for, and return the artifact's facts."""
    compared = make_pairs(responses, turns, pairs)
    questions = list(iter_questions(compared))
    asked = pl.DataFrame(questions, schema=questions_schema(), orient="row").unique("question_key").sort("question_key")
    asked.write_parquet(folder / QUESTIONS_FILE)
    compared.select(*PAIRS_SCHEMA).write_parquet(folder / PAIRS_FILE)
    return {"n_rows": len(asked), "n_pairs": len(compared)}


def make_pairs(responses: pl.DataFrame, turns: pl.DataFrame, pairs: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """Return one row (PAIRS_SCHEMA, `prompt`, both texts) for each turn that both systems of a pair answered.

    Nobody is asked about a response without words, nor about two that are the same: those are a tie.
    """
    said = join_context(responses.filter(pl.col("response").is_not_null()), turns)
    parts = []
    for system, rival in pairs:
        other = said.filter(pl.col("system") == rival).select(*TURN, pl.col("response").alias("rival_response"))
        rows = said.filter(pl.col("system") == system).join(other, on=list(TURN), how="inner", maintain_order="left")
        parts.append(rows.with_columns(pl.lit(rival).alias("rival")))
    both = pl.concat(parts)
    is_asked = has_words(pl.col("response")) & has_words(pl.col("rival_response"))
    both = both.with_columns(pl.when(~is_asked).then(pl.lit(EMPTY)).alias("unanswered_reason"))
    keyed = pl.DataFrame(
        [make_keys(row) for row in both.iter_rows(named=True)],
        schema=dict.fromkeys(("forward_key", "backward_key", "outcome"), pl.String),
        orient="row",
    )
    return pl.concat([both, keyed], how="horizontal")


def make_keys(row: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    """Return the keys of the two questions about a pair; without them its outcome, where nobody needs to be asked."""
    if row["unanswered_reason"]:
        return None, None, None
    ours, theirs = row["response"], row["rival_response"]
    if normalise_text(ours) == normalise_text(theirs):
        return None, None, "tie"
    context = to_utterances(row["prompt"])
    return make_question_key(context, ours, theirs), make_question_key(context, theirs, ours), None


def iter_questions(compared: pl.DataFrame) -> Iterator[tuple[str, list[dict[str, str]], str, str]]:
    """Yield the two questions about each pair that is asked about."""
    for row in compared.filter(pl.col("forward_key").is_not_null()).iter_rows(named=True):
        yield row["forward_key"], row["prompt"], row["response"], row["rival_response"]
        yield row["backward_key"], row["prompt"], row["rival_response"], row["response"]


def decide_pairs(pairs: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs with the verdict of either order, the outcome for `system`, or why there is none."""
    for order in ("forward", "backward"):
        said = verdicts.select(
            pl.col("question_key").alias(f"{order}_key"),
            pl.col("verdict").alias(order),
            pl.col("unanswered_reason").alias(f"{order}_reason"),
        )
        pairs = pairs.join(said, on=f"{order}_key", how="left", maintain_order="left")
    decided = (
        pl.when((pl.col("forward") == "A") & (pl.col("backward") == "B"))
        .then(pl.lit("win"))
        .when((pl.col("forward") == "B") & (pl.col("backward") == "A"))
        .then(pl.lit("loss"))
        .when(pl.col("forward").is_not_null() & pl.col("backward").is_not_null())
        .then(pl.lit("tie"))
    )
    reason = pl.coalesce("unanswered_reason", "forward_reason", "backward_reason")
    return pairs.with_columns(pl.coalesce("outcome", decided).alias("outcome"), reason.alias("unanswered_reason")).drop(
        "forward_reason", "backward_reason"
    )


def count_wins(decided: pl.DataFrame, config: EvaluationConfig) -> pl.DataFrame:
    """Return one row (WINS_SCHEMA) for each pair; a tie is half a win, and the interval is over its dialogues."""
    rows = []
    for (system, rival), group in decided.group_by("system", "rival", maintain_order=True):
        answered = group.filter(pl.col("outcome").is_not_null()).sort(TURN)
        outcomes, dialogues = answered["outcome"].to_list(), answered["dialogue_id"].to_list()
        counts = [outcomes.count(outcome) for outcome in POINTS]
        rate = measure_win_rate(outcomes, dialogues, config)
        rows.append((system, rival, *counts, len(group) - len(outcomes), *rate))
    return pl.DataFrame(rows, schema=WINS_SCHEMA, orient="row")


def measure_win_rate(
    outcomes: Sequence[str], dialogues: Sequence[str], config: EvaluationConfig
) -> tuple[float | None, ...]:
    """Return the share of wins, ties half, with its interval over whole dialogues.

    Three None where nothing was answered, two where all answers are of one dialogue.
    """
    if not outcomes:
        return None, None, None
    columns = np.array([(POINTS[outcome], 1.0) for outcome in outcomes])
    metric = AdditiveMetric(columns, lambda sums: divide(sums[..., 0], sums[..., 1]))
    if len(set(dialogues)) == 1:
        return metric.value, None, None
    rate = bootstrap_intervals({"win_rate": metric}, config.bootstrap, config.seed, dialogues=dialogues)["win_rate"]
    return rate.value, rate.low, rate.high
