"""How a scoring run deals with batches: its plan's terms, and what batches of former runs still owe it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tasks.config import JudgeConfig, ScoringConfig
from tasks.errors import UsageError
from tasks.progress import report_notice
from tasks.scoring.batch.brought import BroughtJudge
from tasks.scoring.batch.judge import BatchJudge
from tasks.scoring.batch.parts import Part, PartStore
from tasks.scoring.batch.requests import BatchLimits
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.run import Judge, load_judge
from tasks.settings import Settings


def fit_plan(config: JudgeConfig, scoring: ScoringConfig) -> ScoringConfig:
    """Return the terms of a run's plan: a chunk is a whole batch, and a result may be of any turn without a score."""
    if config.kind != "openai-batch":
        return scoring
    whole = scoring.model_copy(update={"chunk_size": BatchLimits().most_requests})
    return whole.model_copy(update={"retry_unscored": True}) if scoring.batch_results else whole


def list_under_way(journal: Path) -> list[Part]:
    """Return the batches of a judge that may be under way, or have results that were not taken."""
    return [part for part in PartStore(journal / "batches").list_open() if part.status in ("uploaded", "submitted")]


def settle_former_batches(
    judge: Judge,
    config: JudgeConfig,
    identity: JudgeIdentity,
    settings: Settings,
    journal: Path,
    turn_files: Sequence[str],
    may_call: Callable[[], None],
) -> None:
    """Take what batches of former runs owe, before a plan asks for their turns again.

    The batch judge waits for them. A live one takes what has ended and raises StoppedShortError while others are
    under way: who waits should be told, and who does not wait would pay twice.
    """
    if isinstance(judge, BroughtJudge):
        judge.check(turn_files)
    elif isinstance(judge, BatchJudge):
        judge.resume(journal)
    elif config.kind == "openai":
        if parts := list_under_way(journal):
            collect_batches(len(parts), config, identity, settings, journal, may_call)
        drop_questions(journal)


def collect_batches(
    n_parts: int,
    config: JudgeConfig,
    identity: JudgeIdentity,
    settings: Settings,
    journal: Path,
    may_call: Callable[[], None],
) -> None:
    """Take what batches brought for a live judge. Raises StoppedShortError while some are under way."""
    report_notice(f"{n_parts} batches of this judge were submitted by former runs: their results come first.")
    by_batch = config.model_copy(update={"kind": "openai-batch"})
    collector = load_judge(by_batch, identity, settings, ScoringConfig(), may_call)
    try:
        if isinstance(collector, BatchJudge):
            collector.take_finished(journal)
    finally:
        collector.close()


def drop_questions(journal: Path) -> None:
    """Drop what batches left to be asked again: a live run asks it now, and a later batch would pay for it twice."""
    store = PartStore(journal / "batches")
    for part in store.list_open():
        part.status = "done"
        store.save(part)


def refuse_under_way(journal: Path) -> None:
    """Raise UsageError where batches are under way, whose turns a file would hold a second time."""
    parts = list_under_way(journal)
    if parts:
        raise UsageError(
            f"{len(parts)} batches of this judge are under way: a file would hold their turns a second time.",
            where=str(journal / "batches"),
            do="let `--judge openai-batch` collect them first",
        )
