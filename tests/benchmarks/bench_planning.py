"""Time and memory of planning a run over 100,000 pending turns (50,000 more are scored), in a process of its own.

`make bench-planning`. Bars: under 10 s and under 500 MB, imports included.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tasks.artifacts import ArtifactStore
from tasks.config import ScoringConfig
from tasks.dialogues import ingest, ingest_recipe, resolve_source
from tasks.home import Home
from tasks.scoring import plan_scoring
from tasks.settings import Settings
from tasks.store import Store

N_DIALOGUES, N_PENDING = 75_000, 100_000
MOST_S, MOST_MB = 10.0, 500.0
JUDGE = "judge-1"


def open_home(folder: Path) -> Home:
    settings = Settings(home=folder)
    return Home(settings, ArtifactStore.from_settings(settings), Store.from_settings(settings))


def write_dialogues(path: Path) -> None:
    """Write dialogues of two listener turns each, of made-up words as long as those of EmpatheticDialogues."""
    chance, words = random.Random(0), [f"word{number}" for number in range(5000)]
    with path.open("w", encoding="utf-8") as file:
        for number in range(N_DIALOGUES):
            roles = ("speaker", "listener", "speaker", "listener")
            turns = [{"role": role, "text": " ".join(chance.choices(words, k=14))} for role in roles]
            row = {"dialogue_id": f"d{number}", "emotion": "proud", "situation": "At work.", "turns": turns}
            file.write(json.dumps(row) + "\n")


def prepare(folder: Path) -> list[str]:
    """Ingest the dialogues and note scores for a third of their turns; return the files of turns."""
    source_file = folder / "dialogues.jsonl"
    write_dialogues(source_file)
    home = open_home(folder / "home")
    source = resolve_source(str(source_file), home.settings.cache_dir)
    ref = home.artifacts.produce(ingest_recipe(source, "train"), lambda place: ingest(source, "train", place))
    files = home.turn_files([home.record(ref)])
    with home.store.transaction() as connection:
        connection.execute(
            "INSERT INTO scores SELECT DISTINCT turn_key, $judge, 5, 5, NULL, NULL, 'point', $judge, NULL "
            "FROM read_parquet($files) ORDER BY turn_key LIMIT $n",
            {"judge": JUDGE, "files": files, "n": 2 * N_DIALOGUES - N_PENDING},
        )
    return files


def plan(folder: Path, files: list[str]) -> None:
    """Plan in this process and print seconds, megabytes and turns."""
    started = time.perf_counter()
    with open_home(folder / "home").store.transaction() as connection:
        made = plan_scoring(connection, files, JUDGE, ScoringConfig(), folder / "plan.parquet")
    seconds = time.perf_counter() - started
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, made.n_turns, made.n_chunks]))


def main() -> int:
    """Print the figures, and the verdict on the last line."""
    if len(sys.argv) > 1:
        plan(Path(sys.argv[1]), sys.argv[2:])
        return 0
    with tempfile.TemporaryDirectory() as name:
        files = prepare(Path(name))
        done = subprocess.run([sys.executable, __file__, name, *files], capture_output=True, text=True, check=True)
    seconds, megabytes, n_turns, n_chunks = json.loads(done.stdout)
    print(f"{n_turns:,} pending turns in {n_chunks} chunks")
    print(f"time / bar: {seconds / MOST_S:.2f} ({seconds:.1f} of {MOST_S:.0f} s)")
    print(f"memory / bar: {megabytes / MOST_MB:.2f} ({megabytes:.0f} of {MOST_MB:.0f} MB)")
    is_met = n_turns == N_PENDING and seconds < MOST_S and megabytes < MOST_MB
    print("PASS" if is_met else "FAIL")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
