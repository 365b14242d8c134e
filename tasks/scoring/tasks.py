"""Scoring as Prefect tasks: one a chunk; the judge, its lease and its connections belong to the run."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast
from uuid import UUID

import polars as pl
from prefect import task
from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event

from tasks.config import JudgeConfig, ScoringConfig
from tasks.errors import EmpathyError, StoppedShortError
from tasks.home import Home, open_home
from tasks.progress import report_progress
from tasks.schema import ArtifactRef
from tasks.scoring import (
    ASKED_AGAIN,
    CHOSEN_FILE,
    QUESTIONS_FILE,
    RUNS,
    Coverage,
    Plan,
    ScoringRun,
    ShardName,
    choose_judge,
    close_left_segments,
    commit_segments,
    count_coverage,
    note_outcome,
    note_spent,
    plan_comparisons,
    plan_scoring,
    read_usage,
    score_planned_chunk,
    snapshot_scores,
    snapshot_verdicts,
    take_plan,
)
from tasks.scoring.batch.wiring import fit_plan, settle_former_batches

logger = logging.getLogger("empathy.scoring")

PROGRESS = "scoring"
"""Key of the artifact that shows how far a run is."""


class Ended(Protocol):
    """A future of a chunk, or the outcome of a shard."""

    def result(self) -> object:
        """Raise what stopped it."""


@task(name="settle former batches", cache_policy=NO_CACHE)
def settle_batches(run: str, corpus: list[ArtifactRef], config: JudgeConfig) -> None:
    """Wait for the batches that former runs submitted, so that nothing is paid for twice."""
    scoring_run = RUNS[run]
    home, identity = scoring_run.home, scoring_run.identity
    settle_former_batches(
        scoring_run.judge, config, identity, home.settings, scoring_run.folder, home.turn_files(corpus),
        scoring_run.lease.check,
    )  # fmt: skip


@task(name="plan scoring", cache_policy=NO_CACHE)
def plan_run(
    run: str, corpus: list[ArtifactRef], config: JudgeConfig, scoring: ScoringConfig, chosen: ArtifactRef | None = None
) -> Plan:
    """Merge what killed runs left in the journal, then list the turns, or chosen ones, that this judge has to score."""
    scoring_run = RUNS[run]
    home, identity = scoring_run.home, scoring_run.identity
    turn_files = home.turn_files(corpus)
    replies = str(Path(config.replies_file).expanduser()) if config.replies_file else ""
    plan_file = clear_plans(scoring_run)
    chosen_file = name_chosen(home, chosen)
    close_left_segments(scoring_run.folder)
    with home.store.transaction() as connection:
        scoring_run.n_merged += commit_segments(connection, scoring_run.folder, identity).n_changed
        planned = fit_plan(config, scoring)
        plan = plan_scoring(connection, turn_files, identity.judge_id, planned, plan_file, replies, chosen_file)
    begin_progress(scoring_run, plan)
    return plan


@task(name="plan comparisons", cache_policy=NO_CACHE)
def plan_questions(run: str, questions: ArtifactRef, scoring: ScoringConfig) -> Plan:
    """Merge what killed runs left in the journal, then list the questions that this judge has not answered."""
    scoring_run = RUNS[run]
    home, identity = scoring_run.home, scoring_run.identity
    asked = pl.read_parquet(home.artifacts.open(questions) / QUESTIONS_FILE, glob=False)
    plan_file = clear_plans(scoring_run)
    close_left_segments(scoring_run.folder)
    with home.store.transaction() as connection:
        commit_segments(connection, scoring_run.folder, identity)
        plan = plan_comparisons(connection, asked, identity.judge_id, scoring, plan_file)
    begin_progress(scoring_run, plan)
    return plan


def name_chosen(home: Home, chosen: ArtifactRef | None) -> str:
    """Return the file of the turns that a run is confined to; nothing where it is not."""
    return str(home.artifacts.open(chosen) / CHOSEN_FILE) if chosen else ""


def clear_plans(scoring_run: ScoringRun) -> Path:
    """Return where the run's plan is to stand; those of killed runs are removed, as the lease is ours."""
    judge_id, folder = scoring_run.identity.judge_id, scoring_run.home.settings.cache_dir / "plans"
    for left in folder.glob(f"{judge_id}-*.parquet"):
        left.unlink()
    return folder / f"{judge_id}-{scoring_run.name}.parquet"


def begin_progress(scoring_run: ScoringRun, plan: Plan) -> None:
    """Show people and the run's page how much there is to do."""
    scoring_run.n_turns, scoring_run.n_done = plan.n_turns, 0
    report_progress(scoring_run.step, 0, plan.n_turns)
    scoring_run.progress_id = cast(UUID, create_progress_artifact(0.0, key=PROGRESS, description=scoring_run.step))


def _is_worth_retrying(_task: object, _run: object, state: object) -> bool:
    """Retry a chunk after an accident, not after an error that says what to do."""
    result = getattr(getattr(state, "data", None), "result", None) or getattr(state, "data", None)
    return not isinstance(result, EmpathyError)


@task(name="score chunk", task_run_name="score chunk {chunk}", cache_policy=NO_CACHE, retries=1,
      retry_delay_seconds=2, retry_condition_fn=_is_worth_retrying)  # fmt: skip
def score_chunk(run: str, plan: Plan, chunk: int) -> int:
    """Score one chunk; a second try passes over what the journal holds."""
    scoring_run, started = RUNS[run], time.monotonic()
    judge, progress = scoring_run.judge, scoring_run.progress_id
    try:
        n_asked = score_planned_chunk(
            judge, plan, chunk, scoring_run.folder, scoring_run.journal_name, scoring_run.on_done,
            scoring_run.writer_name, scoring_run.identity,
        )  # fmt: skip
    finally:
        seen = " ".join(f"{name.replace(' ', '_')}={value}" for name, value in judge.describe().items())
        seconds = time.monotonic() - started
        logger.info("run=%s chunk=%d of=%d seconds=%.1f %s", run, chunk, plan.n_chunks, seconds, seen)
    if progress is not None:
        update_progress_artifact(progress, 100 * scoring_run.n_done / max(1, plan.n_turns))
    return n_asked


@task(name="commit scores", cache_policy=NO_CACHE)
def commit_run(
    run: str, corpus: list[ArtifactRef], plan: Plan, split: str, chosen: ArtifactRef | None = None
) -> Coverage:
    """Merge the run's segments into the tables, say what changed, and count what has a score.

    Where turns were chosen only these count, and nothing is announced: what selects by the scores would start at every
    round of a run that goes on to ask.
    """
    scoring_run = RUNS[run]
    home, identity = scoring_run.home, scoring_run.identity
    turn_files = home.turn_files(corpus)
    scoring_run.lease.check()  # the segments of a run that has taken over are still being written
    with home.store.transaction() as connection:
        committed = commit_segments(connection, scoring_run.folder, identity)
        coverage = count_coverage(connection, turn_files, identity.judge_id, split, name_chosen(home, chosen))
        usage = next(used for used in read_usage(connection) if used.judge_id == identity.judge_id)
    plan.path.unlink(missing_ok=True)
    is_corpus = any(ref.kind == "dialogues" for ref in corpus)  # else nothing was scored that is selected from
    n_changed = scoring_run.n_merged + committed.n_changed
    if n_changed and is_corpus and chosen is None:
        emit_event(
            event="empathy.scores.updated",
            resource=home.describe_resource(f"empathy.judge.{identity.judge_id}"),
            payload={"n_changed": n_changed, "judge": identity.alias},
        )
    counts = {"turns scored": coverage.n_scored}
    counts |= {f"turns unscored: {reason}": n for reason, n in coverage.unscored.items()}
    counts |= {"calls, all runs": usage.n_calls} | {f"calls failed: {why}": n for why, n in usage.failed_calls.items()}
    cost = "not known" if usage.cost_usd is None else f"{usage.cost_usd:.4f} USD, all runs"
    create_table_artifact(
        key="scores" if is_corpus else "judged-responses",
        table=[{"what": what, "n": n} for what, n in counts.items()] + [{"what": "cost", "n": cost}],
        description=f"Turns with a score of {identity.alias} ({identity.judge_id})",
    )
    return coverage


@task(name="keep scores", cache_policy=NO_CACHE)
def keep_scores(run: str, corpus: list[ArtifactRef]) -> ArtifactRef:
    """Write the scores in force as an artifact, if they changed."""
    scoring_run = RUNS[run]
    home, identity = scoring_run.home, scoring_run.identity
    with home.store.transaction() as connection:
        ref = snapshot_scores(connection, home.artifacts, corpus, identity.judge_id, identity.alias)
    return home.record(ref)


@task(name="keep verdicts", cache_policy=NO_CACHE)
def keep_verdicts(run: str, questions: ArtifactRef, plan: Plan) -> ArtifactRef:
    """Merge the run's segments into the tables, and write the verdicts in force as an artifact, if they changed."""
    scoring_run = RUNS[run]
    home, identity = scoring_run.home, scoring_run.identity
    scoring_run.lease.check()
    with home.store.transaction() as connection:
        commit_segments(connection, scoring_run.folder, identity)
        ref = snapshot_verdicts(connection, home.artifacts, questions, identity)
    plan.path.unlink(missing_ok=True)
    return home.record(ref)


@task(name="find scores", cache_policy=NO_CACHE)
def resolve_scores(corpus: list[ArtifactRef], scores: ArtifactRef | None, judge: str) -> ArtifactRef:
    """Return the given scores, or those in force of the judge whose scores count."""
    if scores is not None:
        return scores
    home = open_home()
    with home.store.transaction() as connection:
        judge_id, alias = choose_judge(connection, judge)
        ref = snapshot_scores(connection, home.artifacts, corpus, judge_id, alias)
    return home.record(ref)


@task(name="take plan", cache_policy=NO_CACHE)
def take_shard(run: str, scoring: ScoringConfig) -> Plan:
    """Copy the plan that the leading run divides."""
    scoring_run = RUNS[run]
    home, shard = scoring_run.home, cast(ShardName, scoring_run.shard)
    plan = take_plan(home.artifacts, shard, scoring.shards, home.settings.cache_dir)
    chunks = range(shard.shard, plan.n_chunks, scoring.shards)
    note_spent(scoring_run.judge, scoring_run.folder, scoring_run.journal_name, chunks)
    begin_progress(scoring_run, plan)
    return plan


@task(name="keep outcome", cache_policy=NO_CACHE)
def keep_outcome(shard: ShardName, run_id: str, failure: EmpathyError | None) -> None:
    """Leave word of how a run of a shard ended."""
    note_outcome(open_home().artifacts, shard, run_id, failure)


def raise_stops(ended: Sequence[Ended]) -> None:
    """Raise what stopped a chunk."""
    for one in ended:
        one.result()


def raise_unanswered(ended: Sequence[Ended], verdicts: ArtifactRef) -> None:
    """Raise what stopped a chunk, or that questions were left which running again can mend."""
    facts = open_home().artifacts.read_manifest(verdicts.uri)["facts"]
    raise_failures(
        ended,
        Coverage(n_turns=facts["n_rows"], n_scored=facts["n_answered"], unscored=facts["unanswered"]),
        "comparisons",
    )


def raise_failures(ended: Sequence[Ended], coverage: Coverage, unit: str = "turns") -> None:
    """Raise what stopped a chunk, or that turns were left which running again can mend.

    Of several reasons one that running again does not mend is told first.
    """
    stopped: StoppedShortError | None = None
    for one in ended:
        try:
            one.result()
        except StoppedShortError as error:
            stopped = stopped or error
    if stopped:
        left = coverage.n_turns - coverage.n_scored
        raise StoppedShortError(f"{stopped.what} {left:,} {unit} have no answer yet.", stopped.where, stopped.do)
    if coverage.n_transient:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in coverage.unscored.items() if reason in ASKED_AGAIN)
        raise StoppedShortError(
            f"{coverage.n_transient:,} of {coverage.n_turns:,} {unit} got no answer from the endpoint: {reasons}.",
            do="run the same command again: only these are asked",
        )
