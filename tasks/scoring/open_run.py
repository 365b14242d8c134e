"""The runs of scoring that are under way in this process: who judges, and the judge itself with its connections."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from tasks.config import JudgeConfig, ScoringConfig
from tasks.home import Home, open_home
from tasks.progress import report_progress
from tasks.scoring.identity import JudgeIdentity, identify_judge, write_identity
from tasks.scoring.ledger.lease import Lease, hold_lease
from tasks.scoring.run import Judge, load_judge

REPORT_EVERY_S = 0.25


class ScoringRun:
    """What the chunks of one run share in their process: who judges, the judge itself, the journal's folder."""

    def __init__(self, name: str, home: Home, identity: JudgeIdentity, judge: Judge, lease: Lease) -> None:
        self.name, self.home, self.identity, self.judge, self.lease = name, home, identity, judge, lease
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
    with hold_lease(home.settings.journal_dir / identity.judge_id, identity.alias, name) as lease:
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
