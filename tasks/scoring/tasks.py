"""Scoring as Prefect tasks: one a chunk; the judge, its lease and its connections belong to the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.futures import PrefectFuture

from tasks.config import JudgeConfig, ScoringConfig
from tasks.errors import EmpathyError, StoppedShortError
from tasks.home import Home, open_home
from tasks.progress import report_progress
from tasks.schema import ArtifactRef
from tasks.scoring import (
    Coverage,
    Judge,
    JudgeIdentity,
    Plan,
    choose_judge,
    commit_segments,
    count_coverage,
    hold_lease,
    identify_judge,
    load_judge,
    plan_scoring,
    score_planned_chunk,
    snapshot_scores,
    write_identity,
)


class ScoringRun:
    """What the chunks of one run share in their process: who judges, the judge itself, the journal's folder."""

    def __init__(self, name: str, home: Home, identity: JudgeIdentity, judge: Judge) -> None:
        self.name, self.home, self.identity, self.judge = name, home, identity, judge
        self.folder = home.settings.journal_dir / identity.judge_id
        self.n_done = 0


RUNS: dict[str, ScoringRun] = {}


@contextmanager
def open_scoring_run(name: str, config: JudgeConfig, scoring: ScoringConfig) -> Iterator[str]:
    """Hold the judge's lease and its connections while a run scores; chunks find them by the run's name."""
    home = open_home()
    identity = identify_judge(config, home.settings.judge_base_url)
    judge = load_judge(config, identity, home.settings, scoring.max_concurrency)
    folder = home.settings.journal_dir / identity.judge_id
    try:
        with hold_lease(folder, identity.alias, name):
            write_identity(folder, identity)
            RUNS[name] = ScoringRun(name, home, identity, judge)
            yield name
    finally:
        RUNS.pop(name, None)
        judge.close()


@task(name="plan scoring", cache_policy=NO_CACHE)
def plan_run(run: str, corpus: list[ArtifactRef], config: JudgeConfig, scoring: ScoringConfig) -> Plan:
    """Merge what killed runs left in the journal, then list the turns that have no score of this judge."""
    scoring_run = RUNS[run]
    home, identity = scoring_run.home, scoring_run.identity
    turn_files = home.turn_files(corpus)
    replies = str(Path(config.replies_file).expanduser()) if config.replies_file else ""
    plan_file = home.settings.cache_dir / "plans" / f"{run}.parquet"
    with home.store.transaction() as connection:
        commit_segments(connection, scoring_run.folder, identity)
        plan = plan_scoring(connection, turn_files, identity.judge_id, scoring, plan_file, replies)
    report_progress(f"score with {identity.alias}", 0, plan.n_turns)
    return plan


def _is_worth_retrying(_task: object, _run: object, state: object) -> bool:
    """Retry a chunk after an accident, not after an error that says what to do."""
    result = getattr(getattr(state, "data", None), "result", None) or getattr(state, "data", None)
    return not isinstance(result, EmpathyError)


@task(name="score chunk", task_run_name="score chunk {chunk}", cache_policy=NO_CACHE, retries=1,
      retry_delay_seconds=2, retry_condition_fn=_is_worth_retrying)  # fmt: skip
def score_chunk(run: str, plan: Plan, chunk: int) -> int:
    """Score one chunk; a second try passes over what the journal holds."""
    scoring_run = RUNS[run]

    def on_done(n_turns: int) -> None:
        scoring_run.n_done += n_turns
        report_progress(f"score with {scoring_run.identity.alias}", scoring_run.n_done, plan.n_turns)

    return score_planned_chunk(scoring_run.judge, plan, chunk, scoring_run.folder, run, on_done)


@task(name="commit scores", cache_policy=NO_CACHE)
def commit_run(run: str, corpus: list[ArtifactRef], plan: Plan, split: str) -> Coverage:
    """Merge the run's segments into the tables, say what changed, and count what has a score."""
    scoring_run = RUNS[run]
    home, identity = scoring_run.home, scoring_run.identity
    turn_files = home.turn_files(corpus)
    with home.store.transaction() as connection:
        committed = commit_segments(connection, scoring_run.folder, identity)
        coverage = count_coverage(connection, turn_files, identity.judge_id, split)
    plan.path.unlink(missing_ok=True)
    if committed.n_changed:
        emit_event(
            event="empathy.scores.updated",
            resource={"prefect.resource.id": f"empathy.judge.{identity.judge_id}"},
            payload={"n_changed": committed.n_changed, "judge": identity.alias},
        )
    create_table_artifact(
        key="scores",
        table=[{"what": "scored", "turns": coverage.n_scored}]
        + [{"what": f"unscored: {reason}", "turns": n} for reason, n in coverage.unscored.items()],
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


def raise_failures(futures: list[PrefectFuture[int]], coverage: Coverage) -> None:
    """Raise what stopped a chunk, or that turns were left which running again can mend."""
    for future in futures:
        future.result()
    if coverage.n_transient:
        raise StoppedShortError(
            f"{coverage.n_transient:,} of {coverage.n_turns:,} turns got no answer from the endpoint.",
            do="run the same command again: only these are asked",
        )
