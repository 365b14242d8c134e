"""One scoring run without any orchestrator: prepare, score chunks, commit; the pieces that tasks wrap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from tasks.config import JudgeConfig
from tasks.errors import ConfigError
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.ledger.journal import SegmentWriter, list_segments, read_segment
from tasks.scoring.planning import Plan, PlannedTurn, read_chunk
from tasks.scoring.reasons import ASKED_AGAIN
from tasks.settings import Settings


class Judge(Protocol):
    """Whoever can score a chunk of turns, writing every reply to the journal before reading it."""

    def score_chunk(self, turns: Sequence[PlannedTurn], writer: SegmentWriter, on_done: Callable[[int], None]) -> None:
        """Score the turns; `on_done` is called with the number of turns that came to an end."""

    def close(self) -> None:
        """Free what the judge holds."""


def load_judge(config: JudgeConfig, identity: JudgeIdentity, settings: Settings, max_concurrency: int) -> Judge:
    """Return the judge that a config names. Raises ConfigError where a key is needed and not set."""
    from tasks.scoring.local import BundledJudge, RecordedJudge

    if config.kind == "distilled":
        return BundledJudge()
    if config.kind == "replies":
        return RecordedJudge()
    from tasks.scoring.engine.judge import LLMJudge

    return LLMJudge(identity, settings.judge_base_url, require_key(settings), max_concurrency)


def require_key(settings: Settings) -> str:
    """Return the judge's key; an endpoint of one's own may have none. Raises ConfigError for the public one."""
    if settings.judge_api_key:
        return settings.judge_api_key.get_secret_value()
    if settings.judge_base_url:
        return "none"
    raise ConfigError(
        "The judge 'openai' needs a key.",
        do="set OPENAI_API_KEY (or EMPATHY_JUDGE_API_KEY), or name your own endpoint with --base-url",
    )


def score_planned_chunk(
    judge: Judge, plan: Plan, chunk: int, folder: Path, run_name: str, on_done: Callable[[int], None]
) -> int:
    """Score one chunk of a plan, passing over what this run's journal holds already; return the turns asked."""
    prefix = f"{run_name}-{chunk:05d}"
    answered = {
        attempt.turn_key
        for path in list_segments(folder)
        if path.name.startswith(f"{prefix}-")
        for _, attempt in read_segment(path)
        if attempt.error_class not in ASKED_AGAIN
    }
    turns = read_chunk(plan, chunk)
    missing = [planned for planned in turns if planned.turn.turn_key not in answered]
    on_done(len(turns) - len(missing))
    with SegmentWriter(folder, prefix) as writer:
        judge.score_chunk(missing, writer, on_done)
    return len(missing)
