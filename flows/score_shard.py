"""Score one shard of a run that another process leads: its chunks of the plan, into the journal that both share."""

from __future__ import annotations

from prefect import flow, unmapped
from prefect.runtime import flow_run

from flows.naming import name_shard, named_by
from flows.notifying import notify_failure
from flows.score_dialogues import RUNNER
from flows.waiting import wait_for
from tasks.bounded import Place
from tasks.config import JudgeConfig, ScoringConfig
from tasks.errors import EmpathyError
from tasks.scoring import ShardName, open_shard
from tasks.scoring.tasks import keep_outcome, raise_stops, score_chunk, take_shard


@flow(name="score-shard", flow_run_name=named_by(name_shard), task_runner=RUNNER,
      on_failure=[notify_failure], on_crashed=[notify_failure])  # fmt: skip
def score_shard(
    shard: ShardName,
    base_url: Place | None = None,
    judge: JudgeConfig = JudgeConfig(),  # noqa: B008 - frozen, and the form shows it
    scoring: ScoringConfig = ScoringConfig(),  # noqa: B008
) -> None:
    """Score a part of another run's turns; started by `score-dialogues` with `shards`, not by hand.

    Args:
        shard: The run that divided its turns, its judge, and which part this is.
        base_url: Address of the judge's endpoint.
        judge: Who scores the turns.
        scoring: How many shards there are, and how fast all of them together may be.
    """
    name, failure = flow_run.get_id() or "local", None
    try:
        with open_shard(name, shard, base_url, judge, scoring):
            score_part(name, shard, scoring)
    except EmpathyError as error:  # whatever else stops it leaves no word, and the shard is submitted again
        failure = error
    keep_outcome(shard, name, failure)  # only now: what it was paid for has been sent
    if failure is not None:
        raise failure


def score_part(name: str, shard: ShardName, scoring: ScoringConfig) -> None:
    """Score the shard's chunks of the plan; raise what stopped one."""
    plan = take_shard(name, scoring)
    try:
        numbers = list(range(shard.shard, plan.n_chunks, scoring.shards))
        chunks = score_chunk.map(unmapped(name), unmapped(plan), numbers)
        wait_for(chunks)
        raise_stops(chunks)
    finally:
        plan.path.unlink(missing_ok=True)  # it holds what people said
