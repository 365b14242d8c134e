"""Memory does not grow with the source."""

import json
import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest

from tasks.dialogues import ingest, read_dialogues, resolve_source, tables

KINDS = ["original.csv", "quoted.csv", "jsonl"]


def write_source(path, kind: str, n_dialogues: int) -> int:
    """Write dialogues of four utterances, about 1 kB each, every tenth with a row that goes to quarantine."""
    text = "It was one of those days that go on and on " * 4
    with path.open("w", newline="") as file:
        if kind == "jsonl":
            turns = [{"role": role, "text": text} for role in ("speaker", "listener") * 2]
            for n in range(n_dialogues):
                file.write(json.dumps({"dialogue_id": f"d{n}", "emotion": "sad", "turns": turns}) + "\n")
                file.write("broken\n" if n % 10 == 0 else "")
        else:
            quote = '"' if kind == "quoted.csv" else ""
            file.write("conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags\n")
            for n in range(n_dialogues):
                for index in range(1, 5):
                    file.write(f"d{n},{index},sad,A day,{index},{quote}{text}{n}{quote},,\n")
                file.write("broken\n" if n % 10 == 0 else "")
    return path.stat().st_size


def measure_peak(run) -> int:
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def read_all(path: Path) -> None:
    for _ in read_dialogues(resolve_source(str(path), path.parent)):
        pass


def ingest_all(path: Path) -> None:
    tables.ROW_GROUP = 256
    folder = path.with_suffix(".tables")
    folder.mkdir()
    ingest(resolve_source(str(path), path.parent), "auto", folder)


def measure_each(work, paths: list[Path]) -> list[int]:
    return [measure_peak(partial(work, path)) for path in paths]


def measure_apart(work, paths: list[Path]) -> list[int]:
    """Return the peak in bytes of the work on each path, measured in a process of its own.

    What is traced is a process's: threads that earlier tests left in this one would be counted, too.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure_each, work, paths).result(timeout=300)


@pytest.mark.parametrize("kind", KINDS)
def test_reading_needs_the_same_memory_for_sixteen_times_the_file(tmp_path, kind):
    paths = [tmp_path / f"{n_dialogues}.{kind}" for n_dialogues in (500, 8000)]
    sizes = [write_source(path, kind, int(path.name.partition(".")[0])) for path in paths]
    assert sizes[1] > 6_000_000
    small, large = measure_apart(read_all, paths)
    assert large < small + 200_000


def test_ingesting_holds_no_more_than_a_row_group(tmp_path):
    paths = [tmp_path / f"{n_dialogues}.jsonl" for n_dialogues in (300, 2400)]
    for path in paths:
        write_source(path, "jsonl", int(path.stem))
    small, large = measure_apart(ingest_all, paths)
    assert large < small + 200_000
