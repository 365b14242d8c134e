"""What orchestration costs: 25,000 turns scored by `empathy score` against a judge that answers 100 calls a second.

`make bench-orchestration` (about six minutes; `--turns 5000` for a quick look, of which the fixed costs are a larger
share). The judge is an endpoint on loopback in a process of its own that answers one call after the other; the Prefect
server is the background server of a new home, started before the clock. Outside the judge is the time without any call
in flight (the union of the intervals from sending to reply, as the journal has them): imports, planning, tasks, commit,
artifact, printing. Beside it stands what the judge needs at its rate, turns / 100 seconds: how far a run is above it
counts slow pacing too, and whatever else the machine does.
Bars: at most 5 % of the run's wall time by either measure, and the server has a completed record of every task.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import psutil

from flows.server import Server, find_server
from tasks.config import ScoringConfig

CALLS_PER_S, DELAY_S = 100.0, 0.1
MOST_OUTSIDE = 0.05
DRAIN_S = 120.0
"""The server writes records of tasks behind the run; this long it may lag."""
PAGE = 200
STEPS = ("find dialogues", "settle former batches", "plan scoring", "drift gate", "commit scores", "keep scores")


class Used(NamedTuple):
    """What one command took; CPU is that of its process and of the home's Prefect server."""

    wall_s: float
    client_cpu_s: float
    server_cpu_s: float


class Calls(NamedTuple):
    """When the judge was asked, from the journal's attempts; times are seconds since 1970."""

    n_scored: int
    n_calls: int
    first_sent: float
    last_reply: float
    in_flight_s: float


def write_dialogues(path: Path, n_turns: int) -> None:
    """Write dialogues of one listener turn each, about as long as those of EmpatheticDialogues."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(n_turns):
            texts = (
                f"I walked {number} miles in the rain, and when I came home the door was locked.",
                "I am sorry that you had to wait. I hope you had a hot bath and something warm to eat!",
            )
            turns = [{"role": ("speaker", "listener")[n], "text": text} for n, text in enumerate(texts)]
            row = {"dialogue_id": f"d{number}", "emotion": "sad", "situation": "At home.", "turns": turns}
            file.write(json.dumps(row) + "\n")


def run_empathy(folder: Path, *args: str) -> None:
    """Run a command of a home of its own, as a person without keys or other settings does."""
    kept = {name: v for name, v in os.environ.items() if not name.startswith(("EMPATHY_", "OPENAI_", "PREFECT_"))}
    env = {**kept, "EMPATHY_HOME": str(folder / "home"), "PREFECT_HOME": str(folder / "prefect")}
    subprocess.run([sys.executable, "-m", "flows", *args], env=env, check=True)


@contextmanager
def judge_endpoint() -> Iterator[str]:
    """Start the judge and yield its base URL."""
    command = [sys.executable, Path(__file__).parent / "loopback.py", str(DELAY_S), str(CALLS_PER_S)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.kill()


def score(folder: Path, server: Server, url: str) -> Used:
    """Score everything, and measure."""
    before = read_server_cpu(server), read_client_cpu(), time.monotonic()
    run_empathy(folder, "score", "--judge", "openai", "--model", "gpt-4o-mini", "--base-url", url)
    after = read_server_cpu(server), read_client_cpu(), time.monotonic()
    server_cpu_s, client_cpu_s, wall_s = (now - then for now, then in zip(after, before, strict=True))
    return Used(wall_s, client_cpu_s, server_cpu_s)


def read_client_cpu() -> float:
    """Return the CPU seconds of the commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def read_server_cpu(server: Server) -> float:
    """Return the CPU seconds of the Prefect server so far."""
    process = psutil.Process(server.pid)
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(used.user + used.system for used in times)


def read_calls(folder: Path) -> Calls:
    """Return when calls were in flight: the union of the intervals from sending to reply."""
    with duckdb.connect(str(folder / "home" / "empathy.duckdb")) as connection:
        (scored,) = connection.execute("SELECT count(sensibility) FROM scores").fetchone() or (0,)
        spans = connection.execute(
            "SELECT epoch(sent_at), epoch(sent_at) + latency_s FROM attempts ORDER BY sent_at"
        ).fetchall()
    in_flight_s, until = 0.0, -math.inf
    for sent, replied in spans:
        in_flight_s += max(0.0, replied - max(sent, until))
        until = max(until, replied)
    return Calls(scored, len(spans), spans[0][0], until, in_flight_s)


def ask_server(server: Server, path: str, **body: Any) -> Any:
    """Post to the server's API."""
    request = urllib.request.Request(
        f"{server.api_url}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def find_run(server: Server) -> dict[str, Any]:
    """Return the record of the one scoring run."""
    (run,) = ask_server(server, "flow_runs/filter", flows={"name": {"any_": ["score-dialogues"]}})
    assert run["state_type"] == "COMPLETED", run["state_type"]
    return run


def find_records(server: Server, run: dict[str, Any]) -> Counter[str]:
    """Return how many completed records of task runs there are, by the task's name and a chunk's number."""
    names: Counter[str] = Counter()
    chosen = {"flow_runs": {"id": {"any_": [run["id"]]}}, "task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    for offset in range(0, 100 * PAGE, PAGE):
        page = ask_server(
            server, "task_runs/filter", offset=offset, limit=PAGE, sort="EXPECTED_START_TIME_ASC", **chosen
        )
        names.update(record["name"].split("-")[0] for record in page)  # Prefect adds a number to a task's name
        if len(page) < PAGE:
            break
    return names


def wait_for_records(server: Server, run: dict[str, Any], n_turns: int) -> tuple[Counter[str], Counter[str]]:
    """Return what the server lacks, and what it has, when all is there or the time is over."""
    n_chunks = math.ceil(n_turns / ScoringConfig().chunk_size)
    expected = Counter([*STEPS, *(f"score chunk {chunk}" for chunk in range(n_chunks))])
    deadline = time.monotonic() + DRAIN_S
    while True:
        found = find_records(server, run)
        if not expected - found or time.monotonic() > deadline:
            return expected - found, found
        time.sleep(1)


def report(used: Used, run: dict[str, Any], calls: Calls, n_turns: int) -> bool:
    """Print where the time went, and return whether little enough of it went outside the judge."""
    begun, ended = (datetime.fromisoformat(run[name]).timestamp() for name in ("start_time", "end_time"))
    needed_s, per_turn = n_turns / CALLS_PER_S, 1000 / n_turns
    print(f"turns scored {calls.n_scored:,} of {n_turns:,}, calls {calls.n_calls:,}")
    print(
        f"the judge needs {needed_s:.1f} s at {CALLS_PER_S:.0f} calls a second; calls were in flight for "
        f"{calls.in_flight_s:.1f} s"
    )
    for name, wall_s in (("flow run", ended - begun), ("command, imports included", used.wall_s)):
        outside_s = wall_s - calls.in_flight_s
        print(
            f"{name}: {wall_s:.1f} s, outside the judge {outside_s:.1f} s = {outside_s / wall_s:.2%} "
            f"(above what the judge needs {wall_s - needed_s:.1f} s = {1 - needed_s / wall_s:.2%})"
        )
    print(
        f"of the flow run: before the first call {calls.first_sent - begun:.1f} s, between calls "
        f"{calls.last_reply - calls.first_sent - calls.in_flight_s:.1f} s, after the last reply "
        f"{ended - calls.last_reply:.1f} s"
    )
    print(
        f"CPU: client {used.client_cpu_s:.1f} s ({used.client_cpu_s * per_turn:.2f} ms a turn), "
        f"Prefect server {used.server_cpu_s:.1f} s ({used.server_cpu_s * per_turn:.2f} ms a turn)"
    )
    is_whole = calls.n_scored == calls.n_calls == n_turns
    run_s = ended - begun
    return is_whole and run_s - min(needed_s, calls.in_flight_s) <= MOST_OUTSIDE * run_s


def main() -> int:
    """Run, print the figures, and the verdict on the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=25_000)
    n_turns = parser.parse_args().turns
    with tempfile.TemporaryDirectory() as name, judge_endpoint() as url:
        folder = Path(name)
        write_dialogues(folder / "dialogues.jsonl", n_turns)
        try:
            run_empathy(folder, "ingest", str(folder / "dialogues.jsonl"))
            server = find_server(folder / "home")
            assert server is not None
            used = score(folder, server, url)
            run = find_run(server)
            is_quick = report(used, run, read_calls(folder), n_turns)
            missing, found = wait_for_records(server, run, n_turns)
        finally:
            run_empathy(folder, "down")
    print(f"task runs recorded as completed: {found.total()}, missing {missing.total()} {sorted(missing)[:5]}")
    print(f"bars: at most {MOST_OUTSIDE:.0%} of the flow run outside the judge by either measure, no record missing")
    is_met = is_quick and not missing
    print("PASS" if is_met else "FAIL")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
