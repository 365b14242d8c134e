"""One run of comparing without Prefect, as the flow does it, and the questions it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from tasks.config import PairwiseConfig, ScoringConfig
from tasks.home import Home
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef, Utterance
from tasks.scoring import (
    QUESTIONS_FILE,
    VERDICTS_FILE,
    close_left_segments,
    commit_segments,
    hold_lease,
    identify_judge,
    load_judge,
    make_question_key,
    plan_comparisons,
    questions_schema,
    score_planned_chunk,
    snapshot_verdicts,
    write_identity,
)

PAIRWISE = PairwiseConfig(model="judge-2026")


def keep_questions(home: Home, responses: Sequence[tuple[str, str]]) -> ArtifactRef:
    """Make the questions artifact about these pairs of responses, each in the order it is given."""
    context = (Utterance("speaker", "I lost my cat."),)
    prompt = [{"role": "user", "content": "I lost my cat."}]
    rows = [(make_question_key(context, a, b), prompt, a, b) for a, b in responses]

    def build(folder: Any) -> dict[str, Any]:
        pl.DataFrame(rows, schema=questions_schema(), orient="row").write_parquet(folder / QUESTIONS_FILE)
        return {"n_rows": len(rows)}

    return home.record(home.artifacts.produce(Recipe("questions", 1, {"responses": list(map(list, responses))}), build))


def ask_questions(home: Home, questions: ArtifactRef, name: str = "run", **scoring: Any) -> ArtifactRef:
    """Ask what the judge has not answered: lease, merge, plan, chunks, merge, verdicts."""
    identity, limits = identify_judge(PAIRWISE, home.settings.judge_base_url), ScoringConfig(**scoring)
    folder = home.settings.journal_dir / identity.judge_id
    asked = pl.read_parquet(home.artifacts.open(questions) / QUESTIONS_FILE, glob=False)
    with hold_lease(folder, identity.alias, name):
        write_identity(folder, identity)
        close_left_segments(folder)
        with home.store.transaction() as connection:
            commit_segments(connection, folder, identity)
            plan = plan_comparisons(
                connection, asked, identity.judge_id, limits, home.settings.cache_dir / f"{name}.parquet"
            )
        judge = load_judge(PAIRWISE, identity, home.settings, limits)
        try:
            for chunk in range(plan.n_chunks):
                score_planned_chunk(judge, plan, chunk, folder, name, lambda _: None)
        finally:
            judge.close()
        with home.store.transaction() as connection:
            commit_segments(connection, folder, identity)
            ref = snapshot_verdicts(connection, home.artifacts, questions, identity)
    return home.record(ref)


def read_verdicts(home: Home, ref: ArtifactRef) -> list[tuple[str | None, str | None]]:
    """Return (verdict, reason) of each question, in the order of their keys."""
    rows = pl.read_parquet(home.artifacts.open(ref) / VERDICTS_FILE, glob=False)
    return rows.select("verdict", "unanswered_reason").rows()
