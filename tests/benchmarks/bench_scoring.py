"""CPU of one scored turn, journal and commit included, against a bare loop of the same client.

`make bench-scoring`. Both loops send the same requests, 100 in flight, to one endpoint on loopback, in turn and in one
process; imports are not counted. Bars: at most 1.15 times the bare loop on the client's aiohttp transport, and less
than half of the bare loop on its default transport.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import openai

from tasks.config import JudgeConfig, ScoringConfig
from tasks.schema import Turn, Utterance, make_turn_key
from tasks.scoring.engine.asking import Asker, Question
from tasks.scoring.engine.dialect import Dialect
from tasks.scoring.engine.judge import LLMJudge
from tasks.scoring.identity import identify_judge
from tasks.scoring.ledger.commit import commit_segments
from tasks.scoring.ledger.journal import SegmentWriter
from tasks.scoring.ledger.pricing import load_prices
from tasks.scoring.planning import PlannedTurn
from tasks.store import Store

N_CALLS, N_IN_FLIGHT, N_ROUNDS = 2000, 100, 3
MOST_OF_AIOHTTP, MOST_OF_DEFAULT = 1.15, 0.5
JUDGE = JudgeConfig(kind="openai", model="gpt-4o-mini")
KEY = "sk-none-of-yours"


def make_turns(n: int) -> list[PlannedTurn]:
    """Turns of about the length of those of EmpatheticDialogues."""
    turns = []
    for number in range(n):
        context = (
            Utterance("speaker", f"I walked {number} miles in the rain, and when I came home the door was locked."),
            Utterance("listener", "Oh no, that sounds miserable. Did anybody come and let you in?"),
            Utterance("speaker", "My neighbour did in the end, after an hour. I was so cold that I could have cried."),
        )
        response = "I am sorry that you had to wait so long. I hope you had a hot bath and something warm to eat!"
        turns.append(PlannedTurn(Turn(make_turn_key(context, response), context, response)))
    return turns


def cpu_of(work: Callable[[], None]) -> float:
    """Return the CPU seconds of this process, all threads, that some work took."""
    started = time.process_time()
    work()
    return time.process_time() - started


def run_bare(url: str, http_client: Callable[[], object], requests: list[dict[str, object]]) -> None:
    """Send the requests with the plain client and read what came of each."""

    async def main() -> None:
        client = openai.AsyncOpenAI(api_key=KEY, base_url=url, max_retries=0, http_client=http_client())
        slots = asyncio.Semaphore(N_IN_FLIGHT)

        async def ask(request: dict[str, object]) -> None:
            async with slots:
                completion = await client.chat.completions.create(**request)
            scores = json.loads(completion.choices[0].message.content)
            assert scores["rationality"] == 4

        await asyncio.gather(*(ask(request) for request in requests))
        await client.close()

    asyncio.run(main())


def run_engine(url: str, turns: list[PlannedTurn], folder: Path) -> None:
    """Score the turns as a run does: journal, parser, commit into the database."""
    identity = identify_judge(JUDGE, url)
    price = load_prices(folder / "prices.toml").find(identity.model)
    scoring = ScoringConfig(max_concurrency=N_IN_FLIGHT)
    judge = LLMJudge(identity, scoring, (url, KEY), price, folder / "endpoints")
    journal = folder / "journal"
    with SegmentWriter(journal, "run-00000") as writer:
        judge.score_chunk(turns, writer, lambda _: None)
    judge.close()
    with Store(folder / "empathy.duckdb").transaction() as connection:
        commit_segments(connection, journal, identity)
        assert connection.execute("SELECT count(sensibility) FROM scores").fetchone() == (len(turns),)


def measure(url: str) -> dict[str, list[float]]:
    """Return the CPU milliseconds a call of each loop, a figure a round."""
    turns = make_turns(N_CALLS)
    asker = Asker(identify_judge(JUDGE, url))
    requests = [asker.make_request(Question(planned), Dialect()) for planned in turns]
    found: dict[str, list[float]] = {"engine": [], "aiohttp": [], "default": []}
    for number in range(N_ROUNDS + 1):
        with tempfile.TemporaryDirectory() as folder:
            seconds = {
                "engine": cpu_of(lambda place=Path(folder): run_engine(url, turns, place)),
                "aiohttp": cpu_of(lambda: run_bare(url, openai.DefaultAioHttpClient, requests)),
                "default": cpu_of(lambda: run_bare(url, openai.DefaultAsyncHttpxClient, requests)),
            }
        for name, value in seconds.items():
            if number:  # the first round imports what is imported late
                found[name].append(1000 * value / N_CALLS)
    return found


def main() -> int:
    """Print the figures, the ratios, and the verdict on the last line."""
    server = subprocess.Popen(
        [sys.executable, Path(__file__).parent / "loopback.py", "0.05"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        figures = measure(f"http://127.0.0.1:{int(server.stdout.readline())}/v1")
    finally:
        server.kill()
    middle = {name: statistics.median(values) for name, values in figures.items()}
    for name, values in figures.items():
        print(f"{name:8} {middle[name]:.2f} ms CPU a call (rounds: {', '.join(f'{v:.2f}' for v in values)})")
    of_aiohttp, of_default = middle["engine"] / middle["aiohttp"], middle["engine"] / middle["default"]
    print(f"engine / bare loop, aiohttp transport: {of_aiohttp:.2f} (bar: at most {MOST_OF_AIOHTTP})")
    print(f"engine / bare loop, default transport: {of_default:.2f} (bar: below {MOST_OF_DEFAULT})")
    is_met = of_aiohttp <= MOST_OF_AIOHTTP and of_default < MOST_OF_DEFAULT
    print("PASS" if is_met else "FAIL")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
