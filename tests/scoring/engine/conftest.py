"""Homes whose judge is a server of ours, runs in them, and flow control on a clock of its own."""

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tasks.config import JudgeConfig
from tasks.home import Home
from tasks.scoring.engine.budgets import Bucket
from tasks.scoring.engine.concurrency import Concurrency
from tasks.scoring.engine.pace import Pace
from tasks.settings import Settings
from tests.scoring.fault_server import FaultServer
from tests.scoring.killing import kill_target

__all__ = ["kill_target"]

LLM = JudgeConfig(kind="openai", model="judge-2026")


@pytest.fixture
def quick_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make nobody wait for a second try."""
    monkeypatch.setattr("tasks.scoring.engine.waits.FIRST_BACKOFF_S", 0.001)


@pytest.fixture
def point_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_home) -> Callable[..., Home]:
    """Make a home whose judge is this server; `price` is what its model costs, USD a million tokens in and out."""

    def point(server: FaultServer, key: str = "sk-right", price: tuple[float, float] | None = None) -> Home:
        home = make_home(tmp_path / "home")
        if price is not None:
            (tmp_path / "home").mkdir(exist_ok=True)
            line = f'[models]\n"judge-2026" = {{ input = {price[0]}, output = {price[1]} }}\n'
            (tmp_path / "home" / "prices.toml").write_text(line)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", key)
        return Home(Settings(home=tmp_path / "home"), home.artifacts, home.store)

    return point


@pytest.fixture
def run(tmp_path: Path, write_dialogues, ingest_file, score_corpus):
    """Ingest `n` turns and score them, with the LLM judge or a variant of it."""

    def score(home: Home, n: int, name: str = "run", judge: dict[str, object] | None = None, **scoring: object):
        turns = {f"d{number}": (f"I met {number} old friends.", f"All {number} of them?") for number in range(n)}
        corpus = [ingest_file(home, write_dialogues(tmp_path / "d.jsonl", turns))]
        return score_corpus(home, corpus, LLM.model_copy(update=judge or {}), name, **scoring)

    return score


@pytest.fixture
def notices(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What people were told so far."""
    return lambda: [record.notice for record in caplog.records if hasattr(record, "notice")]


@dataclass
class Endpoint:
    """Takes `limit(t)` requests a second with a burst, and answers after about `latency_s`."""

    limit: Callable[[float], float]
    has_headers: bool = False
    latency_s: float = 0.05
    burst_s: float = 1.0
    by_chance: float = 0.0
    tokens: float = field(init=False)
    filled_at: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.limit(0) * self.burst_s

    def take(self, now: float) -> bool:
        rate = self.limit(now)
        self.tokens = min(rate * self.burst_s, self.tokens + (now - self.filled_at) * rate)
        self.filled_at = now
        is_taken = self.tokens >= 1
        self.tokens -= is_taken
        return is_taken


@dataclass
class Log:
    """When each answer came and whether it was a refusal."""

    answers: list[tuple[float, bool]] = field(default_factory=list)
    most_in_flight: int = 0

    def throughput(self, start: float, end: float) -> float:
        """Accepted requests a second."""
        return sum(ok for at, ok in self.answers if start <= at < end) / (end - start)

    def refused_share(self, start: float, end: float) -> float:
        answers = [ok for at, ok in self.answers if start <= at < end]
        return answers.count(False) / len(answers)


def run_simulation(endpoint: Endpoint, seconds: float, *, most: int = 64, seed: int = 0) -> Log:
    """Send as fast as the flow control lets us, for so many seconds of its clock."""
    chance = random.Random(seed)
    pace, concurrency, bucket, log = Pace(), Concurrency(most), Bucket(), Log()
    now, in_flight = 0.0, []
    while now < seconds:
        while in_flight and in_flight[0][0] <= now:
            at, sent_at, is_taken = heapq.heappop(in_flight)
            if endpoint.has_headers:
                if endpoint.limit(sent_at) > pace.told:
                    pace.note_raised()
                pace.note_told(endpoint.limit(sent_at))
            if is_taken:
                pace.note_accepted(at)
                concurrency.note_answered(at, at - sent_at, len(in_flight) + 1)
            else:
                was_by_chance = pace.is_by_chance
                if pace.note_refused(at, sent_at):
                    concurrency.note_refused(at, sent_at, pace.ceiling)
                elif pace.is_by_chance and not was_by_chance:
                    concurrency.start_again()
            log.answers.append((at, is_taken))
        bucket.set_rate(now, pace.allowed(now))
        wait = bucket.wait_s(now)
        if len(in_flight) < concurrency.limit and wait <= 0:
            bucket.charge(now, 1)
            pace.note_sent(now)
            latency = endpoint.latency_s * chance.uniform(0.9, 1.2)
            is_taken = endpoint.take(now) and chance.random() >= endpoint.by_chance
            heapq.heappush(in_flight, (now + latency, now, is_taken))
            log.most_in_flight = max(log.most_in_flight, len(in_flight))
            now += 0.0005  # what a call costs us
            continue
        later = [now + min(max(wait, 0.001), 0.05) + chance.uniform(0, 0.002)]
        now = max(now + 1e-4, min([*later, *(entry[0] for entry in in_flight[:1])], default=math.inf))
    return log


@pytest.fixture(scope="session")
def simulate() -> Callable[..., Log]:
    """Run our flow control against an endpoint: its limit as a function of time, then its other properties."""

    def simulate(limit: Callable[[float], float], seconds: float, *, most: int = 64, seed: int = 0, **options) -> Log:
        return run_simulation(Endpoint(limit, **options), seconds, most=most, seed=seed)

    return simulate
