"""What the shards of a run share beside the journal: its plan, and what became of each, in the artifact store."""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tasks import errors
from tasks.artifacts import ArtifactStore
from tasks.bounded import Name
from tasks.config import JudgeConfig, ScoringConfig
from tasks.errors import ConfigError, EmpathyError
from tasks.remote import reach
from tasks.scoring.planning import Plan
from tasks.settings import Settings

FOLDER = "shards"
"""Under the artifacts' root, `<judge_id>-<run>/`: gone when the run is."""
PLAN_FILE = "plan.parquet"
DIVIDED = ("distilled", "openai", "replies")
"""Judges whose turns can be scored by several runs at once."""


class ShardName(BaseModel):
    """Which shard of which run of which judge: all that its worker must be told to find the rest."""

    model_config = ConfigDict(frozen=True)

    run: Name = Field(description="The flow run that divided its turns.")
    judge_id: Name = Field(description="The judge that this run holds the lease of.")
    token: Name = Field(description="The lease of that run: another run of the same id has another.")
    shard: int = Field(ge=0, lt=64, description="Which part: the chunks of the plan that leave this remainder.")

    @property
    def folder(self) -> str:
        """Where the run's plan and outcomes are, under the artifacts' root."""
        return f"{FOLDER}/{self.judge_id}-{self.run}"


class ShardOutcome(BaseModel):
    """How a shard ended; without one it was killed, or broke down."""

    model_config = ConfigDict(frozen=True)

    kind: str = ""
    """The class of the error that stopped it; nothing where all its turns came to an end."""
    what: str = ""
    where: str = ""
    do: str = ""

    def result(self) -> None:
        """Raise what stopped the shard, if anything did: an outcome is read as a task's future is."""
        if self.kind:
            raise getattr(errors, self.kind, EmpathyError)(self.what, self.where, self.do)


def check_shards(judge: JudgeConfig, scoring: ScoringConfig, settings: Settings) -> None:
    """Raise ConfigError where a judge's turns cannot be divided among shards, or not on this machine's stores."""
    if scoring.shards > 1 and "://" in settings.artifacts_url and not settings.journal:
        raise ConfigError(
            "Shards over a remote artifact store need a journal that their machines share.",
            do="set EMPATHY_JOURNAL to an s3:// URL",
        )
    if scoring.shards > 1 and (judge.kind not in DIVIDED or scoring.batch_results):
        raise ConfigError(
            f"The judge {judge.kind!r} is not asked in shards.", do=f"use one of {', '.join(DIVIDED)}, or one shard"
        )


def publish_plan(artifacts: ArtifactStore, name: ShardName, plan: Plan) -> None:
    """Put a run's plan where its shards find it. Raises OSError where the store refuses."""
    clear_shards(artifacts, name.judge_id)  # of runs that were killed: the caller holds the judge's lease
    with reach(artifacts.root):
        artifacts.fs.makedirs(f"{artifacts.root}/{name.folder}", exist_ok=True)
        artifacts.fs.put_file(str(plan.path), f"{artifacts.root}/{name.folder}/{PLAN_FILE}")


def take_plan(artifacts: ArtifactStore, name: ShardName, n_shards: int, cache_dir: Path) -> Plan:
    """Return the run's plan, copied here; `n_turns` are those of this shard. Raises ConfigError where there is none."""
    import polars as pl  # whoever only looks at scores does not wait for it

    path = cache_dir / "plans" / f"{name.judge_id}-shard-{uuid.uuid4().hex[:8]}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with reach(artifacts.root):
            artifacts.fs.get_file(f"{artifacts.root}/{name.folder}/{PLAN_FILE}", str(path))
    except FileNotFoundError:
        raise ConfigError(
            f"The plan of the run {name.run} is not in this worker's artifact store.",
            where=f"{artifacts.root}/{name.folder}",
            do="shards and the run that divides need the same EMPATHY_ARTIFACTS; a run that has ended has no plan",
        ) from None
    chunk = pl.col("chunk")
    counts = pl.scan_parquet(path, glob=False).select(
        n_chunks=chunk.max() + 1, n_turns=(chunk % n_shards == name.shard).sum()
    )
    n_chunks, n_turns = counts.collect().row(0)
    return Plan(path=path, n_turns=n_turns, n_chunks=n_chunks)


def check_undivided(scoring: ScoringConfig) -> None:
    """Raise ConfigError where a run that asks alone was told to be one of several."""
    if scoring.shards > 1:
        raise ConfigError("Only the scoring of dialogues is divided among shards.", do="leave `shards` at 1")


def note_outcome(artifacts: ArtifactStore, name: ShardName, run_id: str, error: EmpathyError | None) -> None:
    """Keep how a run of a shard ended, for the run that waits for it. Raises OSError where the store refuses."""
    outcome = ShardOutcome()
    if error is not None:
        outcome = ShardOutcome(kind=type(error).__name__, what=error.what, where=error.where, do=error.do)
    with reach(artifacts.root):
        artifacts.write_note(name.folder, run_id, outcome.model_dump_json())


def read_outcome(artifacts: ArtifactStore, name: ShardName, run_id: str) -> ShardOutcome | None:
    """Return how a run of a shard ended, None where it left no word. Raises OSError where the store refuses."""
    with reach(artifacts.root):
        text = artifacts.read_note(name.folder, run_id)
    return None if text is None else ShardOutcome.model_validate_json(text)


def charge_run(artifacts: ArtifactStore, name: ShardName, run_id: str) -> None:
    """Note which run a shard is now to be scored by: one that was given up finds that it is not."""
    with reach(artifacts.root):
        artifacts.write_note(f"{name.folder}/charged", str(name.shard), json.dumps(run_id))


def sign_shard(artifacts: ArtifactStore, name: ShardName, run_id: str) -> bool:
    """Leave a sign of life, different each time, and say whether the shard is still this run's to score.

    Raises OSError where the store refuses.
    """
    with reach(artifacts.root):
        artifacts.write_note(f"{name.folder}/signs", str(name.shard), json.dumps([run_id, uuid.uuid4().hex]))
        charged = artifacts.read_note(f"{name.folder}/charged", str(name.shard))
    return charged is None or json.loads(charged) == run_id


def read_sign(artifacts: ArtifactStore, name: ShardName) -> str | None:
    """Return the last sign of life of a shard, None before its first. Raises OSError where the store refuses."""
    with reach(artifacts.root):
        return artifacts.read_note(f"{name.folder}/signs", str(name.shard))


def clear_shards(artifacts: ArtifactStore, judge_id: str = "") -> None:
    """Remove plans and outcomes of a judge's runs, or of all: plans hold what people said."""
    try:
        folders = artifacts.fs.ls(f"{artifacts.root}/{FOLDER}", detail=False)
    except FileNotFoundError:
        return
    for folder in folders:
        if folder.rsplit("/", 1)[-1].startswith(judge_id):
            for path in artifacts.fs.find(folder):  # one by one: a request for many needs another right
                artifacts.fs.rm_file(path)
            if artifacts.is_local:
                shutil.rmtree(folder)
