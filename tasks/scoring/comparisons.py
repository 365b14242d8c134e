"""What there is to compare, and what came of it: questions are asked through the same plan and ledger as turns."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import resources
from itertools import groupby
from math import ceil
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from tasks.artifacts import ArtifactStore
from tasks.config import ScoringConfig
from tasks.manifest import Recipe
from tasks.progress import report_notice
from tasks.schema import ArtifactRef, Utterance, canonical_json, digest_of, normalise_text
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.planning import MOST_CHUNKS, Plan
from tasks.scoring.reasons import ASKED_AGAIN, ASKED_ON, MAX_REPLIES, TERMINAL
from tasks.scoring.verdict import Verdict, parse_verdict

if TYPE_CHECKING:
    import polars as pl

VERDICTS_VERSION = 1
NOT_ASKED = "not_asked"
QUESTIONS_FILE = "questions.parquet"
VERDICTS_FILE = "verdicts.parquet"
VERDICTS_SCHEMA = {"question_key": str, "verdict": str, "unanswered_reason": str}


class Answer(NamedTuple):
    """What a judge's calls for one question came to."""

    verdict: Verdict | None = None
    unanswered_reason: str | None = None
    n_useless: int = 0

    def is_open(self, *, retry_unscored: bool) -> bool:
        """Say whether the question is to be asked (again), by the same rules as a turn is."""
        reason = self.unanswered_reason
        is_cut_short = reason in ASKED_ON and self.n_useless < MAX_REPLIES  # a run was stopped between two tries
        return reason in (*ASKED_AGAIN, NOT_ASKED) or is_cut_short or (retry_unscored and reason in TERMINAL)


def questions_schema() -> dict[str, Any]:
    """Return the columns of a file of questions, as polars has them."""
    import polars as pl  # whoever only looks at scores does not wait for it

    messages = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
    return {"question_key": pl.String, "prompt": messages, "response": pl.String, "rival": pl.String}


def make_question_key(context: Sequence[Utterance], response: str, rival: str) -> str:
    """Return the sha256 of a question: which of two responses, in this order, is better; the ledger's key of it."""
    parts = [[role, normalise_text(text)] for role, text in context]
    question = ["compare", parts, normalise_text(response), normalise_text(rival)]
    return hashlib.sha256(canonical_json(question)).hexdigest()


def read_answers(connection: duckdb.DuckDBPyConnection, judge_id: str) -> dict[str, Answer]:
    """Return what every question of the judge came to: its first verdict, else why it has none."""
    query = (resources.files("tasks.scoring") / "answers.sql").read_text(encoding="utf-8")
    rows = connection.execute(query, {"judge_id": judge_id}).fetchall()
    return {key: _read_calls([row[1:] for row in calls]) for key, calls in groupby(rows, key=itemgetter(0))}


def _read_calls(calls: Sequence[tuple[str | None, str | None]]) -> Answer:
    replies = [reply for reply, error_class in calls if error_class is None]
    if replies:
        return Answer(parse_verdict(replies[0] or ""))
    return Answer(None, calls[-1][1], sum(error_class in ASKED_ON for _, error_class in calls))


def plan_comparisons(
    connection: duckdb.DuckDBPyConnection,
    questions: pl.DataFrame,
    judge_id: str,
    scoring: ScoringConfig,
    plan_file: Path,
) -> Plan:
    """Write the questions (`questions_schema`) that the judge has not answered to `plan_file`, in hash order."""
    import polars as pl

    answers, unasked = read_answers(connection, judge_id), Answer(None, NOT_ASKED)
    pending = [
        key
        for key in questions["question_key"].to_list()
        if answers.get(key, unasked).is_open(retry_unscored=scoring.retry_unscored)
    ]
    rows = questions.filter(pl.col("question_key").is_in(pending)).sort("question_key")
    if len(rows):
        report_notice(f"{len(rows):,} of {len(questions):,} comparisons are to be asked for, one call each at least.")
    size = max(scoring.chunk_size, ceil(len(rows) / MOST_CHUNKS))
    plan_file.parent.mkdir(parents=True, exist_ok=True)
    rows.select(
        (pl.int_range(pl.len(), dtype=pl.Int32) // size).alias("chunk"),
        pl.col("question_key").alias("turn_key"),
        "prompt",
        "response",
        "rival",
        pl.lit(None, pl.String).alias("reply"),
        pl.lit(0, pl.Int32).alias("n_samples"),
    ).write_parquet(plan_file)
    return Plan(path=plan_file, n_turns=len(rows), n_chunks=ceil(len(rows) / size))


def snapshot_verdicts(
    connection: duckdb.DuckDBPyConnection, artifacts: ArtifactStore, questions: ArtifactRef, judge: JudgeIdentity
) -> ArtifactRef:
    """Return the artifact of the judge's verdicts on these questions, making it if they changed."""
    import polars as pl

    keys = pl.read_parquet(artifacts.open(questions) / QUESTIONS_FILE, glob=False)["question_key"].to_list()
    answers = read_answers(connection, judge.judge_id)
    rows = [(key, *answers.get(key, Answer(None, NOT_ASKED))[:2]) for key in sorted(keys)]
    verdicts = pl.DataFrame(rows, schema=VERDICTS_SCHEMA, orient="row")
    cost_usd, n_unpriced = connection.execute(
        "SELECT sum(cost_usd), count(*) FILTER (cost_usd IS NULL) FROM attempts "
        "WHERE judge_id = $judge_id AND list_contains($keys, turn_key)",
        {"judge_id": judge.judge_id, "keys": keys},
    ).fetchone() or (None, 0)
    recipe = Recipe(
        kind="verdicts",
        stage_version=VERDICTS_VERSION,
        config={"judge_id": judge.judge_id, "alias": judge.alias},
        parents=(questions,),
        inputs={"verdicts": digest_of({"rows": rows})},
    )

    def build(folder: Path) -> dict[str, Any]:
        verdicts.write_parquet(folder / VERDICTS_FILE)
        reasons = verdicts["unanswered_reason"].drop_nulls().value_counts(sort=True, name="n")
        return {
            "n_rows": len(verdicts),
            "n_answered": verdicts["verdict"].count(),
            "unanswered": dict(reasons.iter_rows()),
            "judge_id": judge.judge_id,
            "alias": judge.alias,
            "cost_usd": cost_usd,
            "n_calls_unpriced": n_unpriced,
        }

    return artifacts.produce(recipe, build)
