"""Kills a run of scoring at random moments, starts it again, and checks what every kill cost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.home import Home
from tasks.scoring.ledger.journal import Attempt, list_segments, read_segment
from tests.scoring.fault_server import FaultServer
from tests.scoring.looking import ask_tables, show_turn

N_TURNS, N_IN_FLIGHT = 600, 20
KEPT = ("PATH", "HOME", "LANG", "TMPDIR")
SCRIPT = Path(__file__).with_name("killed_run.py")


@pytest.fixture
def kill_target(
    tmp_path: Path,
    make_home: Callable[..., Home],
    write_dialogues: Callable[..., Path],
    ingest_file: Callable[..., Any],
) -> Iterator[tuple[Home, FaultServer, dict[str, str]]]:
    """A home with 600 turns, its judge's endpoint, and the environment of a run that scores them."""
    home, server = make_home(tmp_path / "home"), FaultServer(delay_s=0.1).start()
    turns = {f"d{n}": (f"I met {n} old friends.", f"All {n} of them?") for n in range(N_TURNS)}
    ingest_file(home, write_dialogues(tmp_path / "d.jsonl", turns))
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    judge = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": server.key}
    yield home, server, {**kept, "EMPATHY_HOME": str(tmp_path / "home"), **judge}
    server.stop()


def kill_and_finish(home: Home, server: FaultServer, environment: dict[str, str], n_kills: int, seed: int) -> None:
    """Kill so many runs at moments of a seed, let the next one finish, and check everything."""
    chance = random.Random(seed)
    folder: Path | None = None
    for number in range(n_kills):
        n_before, in_journal_before = len(server.calls), list_turns(folder, home)
        run = start(environment, f"run{number}")
        wait_for(run, server, n_before + chance.randint(1, N_TURNS // n_kills - 2))
        time.sleep(chance.uniform(0, 0.1))
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert run.returncode == -signal.SIGKILL, f"run {number} ended before it was killed"
        folder = next(home.settings.journal_dir.iterdir())
        check_calls(server, home, folder, n_before, in_journal_before)
    n_before, in_journal_before = len(server.calls), list_turns(folder, home)
    assert start(environment, "last").wait(120) == 0
    check_calls(server, home, folder, n_before, in_journal_before)
    check_end(home, server, folder, n_kills)


def check_calls(server: FaultServer, home: Home, folder: Path, n_before: int, in_journal_before: set[str]) -> None:
    """One run asked for no turn that was in the journal, for none twice, and lost at most the calls in flight."""
    asked = [call.turn for call in server.calls[n_before:]]
    assert in_journal_before.isdisjoint(asked)
    assert len(asked) == len(set(asked))
    in_journal = list_turns(folder, home)
    assert in_journal_before <= in_journal
    assert len(set(asked) - in_journal) <= N_IN_FLIGHT


def check_end(home: Home, server: FaultServer, folder: Path, n_kills: int) -> None:
    scores = ask_tables(home, "SELECT count(*), count(DISTINCT turn_key), count(sensibility) FROM scores")
    assert scores == [(N_TURNS,) * 3]
    journal = read_journal(folder)
    rows = ask_tables(home, "SELECT turn_key, request_key, epoch_us(sent_at) FROM attempts")
    assert len(rows) == len(journal)
    assert {row[0] for row in rows} == {attempt.turn_key for attempt in journal}
    answered = [attempt for attempt in journal if attempt.error_class is None]
    assert max(Counter(attempt.turn_key for attempt in answered).values()) == 1
    assert len(journal) == N_TURNS
    assert N_TURNS <= len(server.calls) <= N_TURNS + n_kills * N_IN_FLIGHT
    assert server.most_in_flight <= N_IN_FLIGHT
    assert not list(folder.glob("*.open"))


def start(environment: dict[str, str], name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(SCRIPT), name, str(N_IN_FLIGHT)], env=environment)


def wait_for(run: subprocess.Popen[bytes], server: FaultServer, n_calls: int) -> None:
    """Wait until the server has seen so many calls, or the run has ended."""
    deadline = time.monotonic() + 60
    while len(server.calls) < n_calls and run.poll() is None:
        assert time.monotonic() < deadline, "the run makes no calls"
        time.sleep(0.002)


def read_journal(folder: Path) -> list[Attempt]:
    return [attempt for path in list_segments(folder) for _, attempt in read_segment(path)]


def list_turns(folder: Path | None, home: Home) -> set[str]:
    """Return the turns that the journal holds a reply to, as the judge saw them."""
    if folder is None:
        return set()
    keys = {attempt.turn_key for attempt in read_journal(folder) if attempt.error_class is None}
    files = {"files": home.turn_files(home.list_corpus())}
    turns = ask_tables(home, "SELECT turn_key, prompt, response FROM read_parquet($files)", files)
    return {show_turn(*turn) for turn in turns if turn[0] in keys}
