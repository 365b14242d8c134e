"""One scoring run without any orchestrator: prepare, score chunks, commit; the pieces that tasks wrap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tasks.config import JudgeConfig, ScoringConfig
from tasks.errors import ConfigError
from tasks.progress import report_notice
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.ledger.journal import Attempt, SegmentWriter, list_segments, read_segment
from tasks.scoring.ledger.pricing import Price, load_prices
from tasks.scoring.ledger.reading import read_by_judge
from tasks.scoring.planning import Plan, PlannedTurn, read_chunk
from tasks.scoring.reasons import ASKED_AGAIN, ASKED_ON, MAX_REPLIES
from tasks.settings import Settings

PRICES_FILE = "prices.toml"
"""The user's own prices, in the home."""


class Judge(Protocol):
    """Whoever can score a chunk of turns, writing every reply to the journal before reading it."""

    def score_chunk(self, turns: Sequence[PlannedTurn], writer: SegmentWriter, on_done: Callable[[int], None]) -> None:
        """Score the turns; `on_done` is called with the number of turns that came to an end."""

    def describe(self) -> Mapping[str, object]:
        """Return what people watch beside the count of turns."""

    def close(self) -> None:
        """Free what the judge holds."""


def load_judge(
    config: JudgeConfig,
    identity: JudgeIdentity,
    settings: Settings,
    scoring: ScoringConfig,
    may_call: Callable[[], None] = lambda: None,
) -> Judge:
    """Return the judge that a config names; an LLM asks `may_call` before every call.

    Raises ConfigError where a key is needed and not set, or a budget and no price.
    """
    from tasks.scoring.local import LocalJudge, RecordedJudge

    if scoring.batch_results and config.kind != "openai-batch":
        raise ConfigError(f"Results of a batch are not for the judge {config.kind!r}.", do="use 'openai-batch'")
    if config.kind == "distilled":
        return LocalJudge(config.weights, config.encoder)
    if config.kind == "replies":
        return RecordedJudge()
    from tasks.scoring.batch.brought import BroughtJudge
    from tasks.scoring.batch.judge import BatchJudge
    from tasks.scoring.engine.judge import LLMJudge

    memory, own_prices = settings.cache_dir / "endpoints", settings.home_dir / PRICES_FILE
    if scoring.batch_results:
        files = [Path(file).expanduser() for file in scoring.batch_results]
        return BroughtJudge(identity, files, load_prices(own_prices).find(identity.model), memory)
    endpoint = settings.judge_base_url, require_key(settings)
    price = require_price(identity.model, own_prices, scoring.max_cost_usd)
    road = BatchJudge if config.kind == "openai-batch" else LLMJudge
    return road(identity, scoring, endpoint, price, memory, may_call)


def require_price(model: str, own_prices: Path, max_cost_usd: float | None) -> Price | None:
    """Return the price of a model, or None after saying so. Raises ConfigError where a budget needs one."""
    price = load_prices(own_prices).find(model)
    advice = f'add [models."{model}"] with its prices to {own_prices}'
    if price is None and max_cost_usd is not None:
        raise ConfigError(f"A budget needs a price, and none is known for the model {model}.", do=advice)
    if price is None:
        report_notice(f"No price is known for the model {model}: its cost is not counted ({advice}).")
    return price


def require_key(settings: Settings) -> str:
    """Return the judge's key; an endpoint of one's own may have none. Raises ConfigError for the public one."""
    if settings.judge_api_key:
        key = settings.judge_api_key.get_secret_value().strip()
        if not key.isascii() or not key.isprintable():
            raise ConfigError(
                "The judge's key holds a character that no key has: a line break, a curly quote.",
                do="set OPENAI_API_KEY (or EMPATHY_JUDGE_API_KEY) again",
            )
        return key
    if settings.judge_base_url:
        return "none"
    raise ConfigError(
        "The judge 'openai' needs a key.",
        do="set OPENAI_API_KEY (or EMPATHY_JUDGE_API_KEY), or name your own endpoint with --base-url",
    )


def score_planned_chunk(
    judge: Judge,
    plan: Plan,
    chunk: int,
    folder: Path,
    run_name: str,
    on_done: Callable[[int], None],
    writer_name: str = "",
    identity: JudgeIdentity | None = None,
) -> int:
    """Score one chunk of a plan, passing over what this run's journal holds already; return the turns asked.

    A `writer_name` tells apart the segments of several processes, on whatever hosts, that score for one run. By the
    `identity` replies are read: a useless one that a kill left alone does not end its turn; without it any reply does.
    """
    prefix = f"{run_name}-{chunk:05d}"
    answered = find_answered(folder, f"{prefix}-", identity)
    turns = read_chunk(plan, chunk)
    missing = [planned for planned in turns if planned.turn.turn_key not in answered]
    on_done(len(turns) - len(missing))
    with SegmentWriter(folder, f"{prefix}-{writer_name}" if writer_name else prefix) as writer:
        judge.score_chunk(missing, writer, on_done)
    return len(missing)


def find_answered(folder: Path, prefix: str, identity: JudgeIdentity | None) -> set[str]:
    """Return the turns that a run's segments have a score of, a reason that stays, or useless replies enough."""
    answered, n_useless = set[str](), Counter[str]()
    for path in (path for path in list_segments(folder) if path.name.startswith(prefix)):
        for _, attempt in read_segment(path):
            reason = find_reason(attempt, identity)
            if identity is not None and reason in ASKED_ON:
                n_useless[attempt.turn_key] += 1
            elif reason not in ASKED_AGAIN:
                answered.add(attempt.turn_key)
    return answered | {turn_key for turn_key, n in n_useless.items() if n >= MAX_REPLIES}


def find_reason(attempt: Attempt, identity: JudgeIdentity | None) -> str | None:
    """Return why an attempt gave no score, None if it did."""
    return attempt.error_class if identity is None else read_by_judge(attempt, identity).error_class


def note_spent(judge: Judge, folder: Path, run_name: str, chunks: Iterable[int]) -> None:
    """Count what earlier tries of a run's chunks have cost: a part of a budget is not spent twice."""
    from tasks.scoring.engine.judge import LLMJudge

    if not isinstance(judge, LLMJudge) or not judge.spending.is_limited:
        return
    prefixes = tuple(f"{run_name}-{chunk:05d}-" for chunk in chunks)
    segments = [path for path in list_segments(folder) if path.name.startswith(prefixes)]
    judge.spending.spent_usd += sum(attempt.cost_usd or 0.0 for path in segments for _, attempt in read_segment(path))
