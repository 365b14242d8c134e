"""The runs of scoring that are under way in this process: who judges, and the judge itself with its connections."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Protocol
from uuid import UUID, uuid4

from tasks.config import JudgeConfig, ScoringConfig
from tasks.errors import ConfigError
from tasks.home import Home, open_home
from tasks.progress import report_progress
from tasks.scoring.identity import JudgeIdentity, identify_judge, write_identity
from tasks.scoring.ledger.holding import hold_judge, join_judge
from tasks.scoring.run import Judge, load_judge
from tasks.scoring.shards import ShardName, sign_shard

REPORT_EVERY_S = 0.25


class Right(Protocol):
    """The right to pay for a judge's calls: a lease, or a shard's part in one."""

    @property
    def token(self) -> str:
        """What the lease is known by."""

    def check(self) -> None:
        """Raise LeaseHeldError where nothing may be paid any more."""

    def bring(self) -> None:
        """Copy what other hosts have sent meanwhile to the journal here."""


class ScoringRun:
    """What the chunks of one run share in their process: who judges, the judge itself, the journal's folder."""

    def __init__(
        self, name: str, home: Home, identity: JudgeIdentity, judge: Judge, lease: Right, shard: ShardName | None = None
    ) -> None:
        self.name, self.home, self.identity, self.judge, self.lease = name, home, identity, judge, lease
        self.shard = shard
        self.journal_name = shard.run if shard else name
        """What the run's segments are called by, whichever of its shards wrote them."""
        self.writer_name = uuid4().hex[:12] if shard else ""
        self.folder = home.settings.journal_dir / identity.judge_id
        self.step = f"score with {identity.alias}"
        """What people read beside the bar."""
        self.progress_id: UUID | None = None
        self.n_turns = self.n_done = 0
        self.n_merged = 0
        """Scores that killed runs, or batches of former ones, had left in the journal: they are news too."""
        self._reported_at = 0.0

    def on_done(self, n_turns: int) -> None:
        """Count turns that came to an end; people are told a few times a second."""
        self.n_done += n_turns
        now = time.monotonic()
        if now - self._reported_at >= REPORT_EVERY_S or self.n_done >= self.n_turns:
            self._reported_at = now
            report_progress(self.step, self.n_done, self.n_turns, **self.judge.describe())


RUNS: dict[str, ScoringRun] = {}


@contextmanager
def open_judge(name: str, config: JudgeConfig, scoring: ScoringConfig) -> Iterator[str]:
    """Hold a judge's lease and its connections while a run asks it; tasks find them by the run's name."""
    home = open_home()
    identity = identify_judge(config, home.settings.judge_base_url)
    with hold_judge(home.settings, home.settings.journal_dir / identity.judge_id, identity.alias, name) as lease:
        judge = load_judge(config, identity, home.settings, scoring, lease.check)
        try:
            RUNS[name] = ScoringRun(name, home, identity, judge, lease)
            yield name
        finally:
            RUNS.pop(name, None)
            judge.close()


@contextmanager
def open_scoring_run(name: str, config: JudgeConfig, scoring: ScoringConfig) -> Iterator[str]:
    """Hold a judge's lease and its connections while a run scores, and keep who the judge is beside its journal."""
    with open_judge(name, config, scoring):
        write_identity(RUNS[name].folder, RUNS[name].identity)
        yield name


@contextmanager
def open_shard(
    name: str, shard: ShardName, base_url: str | None, config: JudgeConfig, scoring: ScoringConfig
) -> Iterator[str]:
    """Hold a judge's connections while a shard of another run asks it, for as long as that run holds the lease.

    Raises ConfigError where this machine's judge is another, or the run does not hold it.
    """
    home = open_home()
    home = replace(home, settings=home.settings.model_copy(update={"judge_base_url": base_url}))
    identity = identify_judge(config, base_url)
    if identity.judge_id != shard.judge_id:
        raise ConfigError(
            f"The judge is another one on this machine: {identity.judge_id}, not {shard.judge_id}.",
            where=identity.alias,
            do="give the worker the same files of rubric, weights or replies, and the same version of this program",
        )
    sign = partial(sign_shard, home.artifacts, shard, name)
    with join_judge(home.settings, identity.judge_id, identity.alias, shard.token, sign) as lease:
        judge = load_judge(config, identity, home.settings, scoring, lease.check)
        try:
            RUNS[name] = ScoringRun(name, home, identity, judge, lease, shard)
            yield name
        finally:
            RUNS.pop(name, None)
            judge.close()
