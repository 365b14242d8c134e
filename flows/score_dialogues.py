"""Score every listener turn that this judge has not scored yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefect import flow, unmapped
from prefect.runtime import flow_run
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.naming import name_scoring, named_by
from flows.notifying import notify_failure
from flows.sharding import score_in_shards
from flows.waiting import take_result, wait_for
from tasks.config import JudgeConfig, ScoringConfig
from tasks.dialogues.tasks import resolve_corpus
from tasks.judges import RegressionConfig
from tasks.judges.tasks import pass_drift_gate
from tasks.schema import ArtifactRef
from tasks.scoring import Plan, check_shards, open_scoring_run
from tasks.scoring.tasks import (
    Ended,
    commit_run,
    keep_scores,
    plan_run,
    raise_failures,
    score_chunk,
    settle_batches,
)
from tasks.settings import Settings

CHUNKS_AT_ONCE = 8
RUNNER: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=CHUNKS_AT_ONCE)


@flow(name="score-dialogues", flow_run_name=named_by(name_scoring), task_runner=RUNNER,
      on_failure=[notify_failure], on_crashed=[notify_failure])  # fmt: skip
def score_dialogues(
    judge: JudgeConfig = JudgeConfig(),  # noqa: B008 - frozen, and the form shows it
    scoring: ScoringConfig = ScoringConfig(),  # noqa: B008
    dialogues: list[ArtifactRef] | None = None,
    regression: RegressionConfig = RegressionConfig(),  # noqa: B008
) -> ArtifactRef:
    """Score the turns without a score of this judge and keep the scores in force as an artifact.

    Args:
        judge: Who scores the turns.
        scoring: How many turns, and how fast.
        dialogues: Ingested sources to score; everything ingested if left empty.
        regression: What the judge is held to by the drift gate, where `scoring` has one.
    """
    check_shards(judge, scoring, Settings())
    corpus = resolve_corpus(dialogues)
    with open_scoring_run(flow_run.get_id() or "local", judge, scoring) as run:
        settle_batches(run, corpus, judge)
        plan = plan_run(run, corpus, judge, scoring)
        take_result(pass_drift_gate.submit(run, judge, scoring, plan, regression))
        chunks = ask(run, plan, judge, scoring)
        coverage = commit_run(run, corpus, plan, scoring.split)
        scores = keep_scores(run, corpus)
    raise_failures(chunks, coverage)
    return scores


def ask(run: str, plan: Plan, judge: JudgeConfig, scoring: ScoringConfig) -> Sequence[Ended]:
    """Have the plan's turns scored, here or by shards, and return when all that could be has been."""
    if scoring.shards > 1 and plan.n_turns:
        return score_in_shards(run, plan, judge, scoring)
    chunks = score_chunk.map(unmapped(run), unmapped(plan), list(range(plan.n_chunks)))
    wait_for(chunks)
    return chunks
