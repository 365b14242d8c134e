"""How much of an endpoint's rate limit a run uses without being told it, and how often it is refused.

`make bench-pacing` (about three minutes). The endpoint enforces 600 requests a minute as a token bucket with a
burst of one second and answers in 50 ms. Bars, after the first 10 s: with OpenAI's headers at least 95 % of the limit
and at most 1 % refusals; without them at least 85 %; a limit raised to 6,000 in mid-run is used (95 %,
85 %) within 20 s.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

from tasks.config import JudgeConfig, ScoringConfig
from tasks.schema import Turn, Utterance
from tasks.scoring.engine.judge import LLMJudge
from tasks.scoring.identity import identify_judge
from tasks.scoring.ledger.journal import SegmentWriter
from tasks.scoring.planning import PlannedTurn

LIMIT, RAISED = 600, 6000
SETTLED_S, STEADY_S, FOUND_S, USED_S = 10, 40, 20, 10
LEAST = {"has_headers": 0.95, "no_headers": 0.85}
MOST_REFUSED = 0.01


class Found(NamedTuple):
    """What one run did, as shares of the limit."""

    throughput: float
    refused: float
    after_raise: float


def fetch(url: str) -> object:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def measure(mode: str) -> Found:
    """Run against a fresh endpoint: settle, be steady, then with a raised limit."""
    place = Path(__file__).parent
    command = [sys.executable, place / "limited.py", str(LIMIT), mode]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, tempfile.TemporaryDirectory() as name:
        assert server.stdout is not None
        root = f"http://127.0.0.1:{int(server.stdout.readline())}"
        folder, url = Path(name), f"{root}/v1"
        identity = identify_judge(JudgeConfig(kind="openai"), url)
        judge = LLMJudge(identity, ScoringConfig(), (url, "sk-none"), None, folder / "endpoints")
        turns = [PlannedTurn(Turn(f"{n}", (Utterance("speaker", f"Hello {n}."),), "Hi.")) for n in range(5000)]
        run = threading.Thread(target=score, args=(judge, turns, folder), daemon=True)
        run.start()
        time.sleep(SETTLED_S + STEADY_S)
        raised_at = fetch(f"{root}/limit/{RAISED}")
        time.sleep(FOUND_S + USED_S)
        log = fetch(f"{root}/log")
        judge.close()
        run.join(10)
        server.kill()
    return read_log(log, raised_at)


def score(judge: LLMJudge, turns: list[PlannedTurn], folder: Path) -> None:
    """Score until the judge is closed."""
    try:
        with SegmentWriter(folder / "journal", "run") as writer:
            judge.score_chunk(turns, writer, lambda _: None)
    except BaseException as error:
        if "Cancelled" not in type(error).__name__:
            raise


def read_log(log: list[tuple[float, bool]], raised_at: float) -> Found:
    """Return the shares that the endpoint saw."""
    first = log[0][0]
    steady = [is_taken for at, is_taken in log if first + SETTLED_S <= at < raised_at]
    used = [ok for at, ok in log if raised_at + FOUND_S <= at < raised_at + FOUND_S + USED_S]
    return Found(
        sum(steady) / (raised_at - first - SETTLED_S) / (LIMIT / 60),
        steady.count(False) / len(steady),
        sum(used) / USED_S / (RAISED / 60),
    )


def main() -> int:
    """Print what each mode found, and the verdict on the last line."""
    is_met = True
    for mode, least in LEAST.items():
        found = measure(mode)
        print(
            f"{mode}: throughput / limit {found.throughput:.3f} (bar: {least}), refused {found.refused:.2%} of calls "
            f"(bar: {f'{MOST_REFUSED:.0%}' if mode == 'has_headers' else 'none'}), "
            f"20 s after the limit rose tenfold: {found.after_raise:.3f} of it (bar: {least})"
        )
        is_met &= found.throughput >= least and found.after_raise >= least
        is_met &= mode == "no_headers" or found.refused <= MOST_REFUSED
    print("PASS" if is_met else "FAIL")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
