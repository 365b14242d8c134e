"""Memory does not grow with the source."""

import json
import tracemalloc

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


@pytest.mark.parametrize("kind", KINDS)
def test_reading_needs_the_same_memory_for_sixteen_times_the_file(tmp_path, kind):
    peaks = {}
    for n_dialogues in (500, 8000):
        path = tmp_path / f"{n_dialogues}.{kind}"
        n_bytes = write_source(path, kind, n_dialogues)
        source = resolve_source(str(path), tmp_path)
        peaks[n_dialogues] = measure_peak(lambda source=source: sum(1 for _ in read_dialogues(source)))
    assert n_bytes > 6_000_000
    assert peaks[8000] < peaks[500] + 200_000


def test_ingesting_holds_no_more_than_a_row_group(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "ROW_GROUP", 256)
    peaks = {}
    for n_dialogues in (300, 2400):
        path = tmp_path / f"{n_dialogues}.jsonl"
        write_source(path, "jsonl", n_dialogues)
        source = resolve_source(str(path), tmp_path)
        folder = tmp_path / str(n_dialogues)
        folder.mkdir()
        peaks[n_dialogues] = measure_peak(lambda source=source, folder=folder: ingest(source, "auto", folder))
    assert peaks[2400] < peaks[300] + 200_000
