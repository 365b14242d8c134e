"""The journal has room for the replies in flight before a call is paid for, and the room is never taken for replies."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.scoring.ledger.journal import (
    MIN_ROOM_BYTES,
    Attempt,
    SegmentWriter,
    close_left_segments,
    list_segments,
    read_segment,
)
from tasks.scoring.ledger.segment import RESERVED_BYTES, write_nuls


def make_attempt(key, reply="Rationality: 3\nSensibility: 8"):
    return Attempt(f"turn-{key}", "request", 1_800_000_000.0, 0.5, reply=reply)


def read_keys(folder):
    return [attempt.turn_key for path in list_segments(folder) for _, attempt in read_segment(path)]


def find_open(folder):
    return max(folder.glob("*.open"))


def test_a_writer_that_is_ready_has_reserved_room_that_holds_no_attempts(tmp_path):
    with SegmentWriter(tmp_path, "run") as writer:
        writer.make_ready()
        writer.append(make_attempt(1))
        status = find_open(tmp_path).stat()
        assert status.st_size == RESERVED_BYTES
        assert status.st_blocks * 512 >= RESERVED_BYTES
        assert read_keys(tmp_path) == ["turn-1"]
    (path,) = list_segments(tmp_path)
    assert path.read_bytes().endswith(b"}\n")


def test_a_writer_that_was_ready_and_wrote_nothing_leaves_no_segment(tmp_path):
    with SegmentWriter(tmp_path, "run") as writer:
        writer.make_ready()
        writer.make_ready()
        assert len(list_segments(tmp_path)) == 1
    assert list(tmp_path.iterdir()) == []


def test_room_that_runs_short_is_reserved_anew(tmp_path):
    with SegmentWriter(tmp_path, "run") as writer:
        for number in range(30):
            writer.make_ready()
            path = find_open(tmp_path)
            n_used = path.read_bytes().rstrip(b"\x00")
            assert path.stat().st_size - len(n_used) >= MIN_ROOM_BYTES
            writer.append(make_attempt(number, "x" * 90_000))
    assert len(read_keys(tmp_path)) == 30


def test_a_reply_longer_than_all_room_is_kept(tmp_path):
    with SegmentWriter(tmp_path, "run") as writer:
        writer.make_ready()
        writer.append(make_attempt(1, "x" * 3 * RESERVED_BYTES))
    assert read_keys(tmp_path) == ["turn-1"]


def test_being_ready_closes_an_old_segment(tmp_path):
    with SegmentWriter(tmp_path, "run", seconds=0.0) as writer:
        writer.append(make_attempt(1))
        time.sleep(0.001)
        writer.make_ready()
        assert find_open(tmp_path).name == "run-00001.jsonl.open"
    assert [path.name for path in list_segments(tmp_path)] == ["run-00000.jsonl"]


def block_closing(folder):
    """Have the name taken that the first segment gets when it is closed."""
    (folder / "run-00000.jsonl").mkdir()


def call_until_it_fails(function):
    until = time.monotonic() + 10
    while time.monotonic() < until:
        function()


def test_what_goes_wrong_in_closing_a_segment_is_raised_and_what_is_appended_then_is_kept(tmp_path):
    def work():
        with SegmentWriter(tmp_path, "run", seconds=0.0) as writer:
            block_closing(tmp_path)
            writer.append(make_attempt(1))
            writer.append(make_attempt(2))
            with pytest.raises(OSError, match="run-00000"):
                call_until_it_fails(writer.make_ready)
            with pytest.raises(OSError, match="run-00000"):
                writer.append(make_attempt(3))

    with pytest.raises(OSError, match="run-00000"):
        work()
    (tmp_path / "run-00000.jsonl").rmdir()
    assert read_keys(tmp_path) == ["turn-1", "turn-2", "turn-3"]


def test_an_error_of_the_run_is_not_hidden_by_one_of_closing(tmp_path, caplog):
    def work():
        with SegmentWriter(tmp_path, "run") as writer:
            block_closing(tmp_path)
            writer.append(make_attempt(1))
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        work()
    assert "a segment was not closed" in caplog.text


STEPS = st.lists(st.sampled_from(["ready", "one", "three", "long", "rest"]), max_size=25)


@given(STEPS, st.sampled_from([0.0, 0.002, 60.0]), st.data())
def test_whatever_the_steps_a_kill_at_any_byte_keeps_every_whole_line(tmp_path_factory, steps, seconds, data):
    folder, copy = tmp_path_factory.mktemp("journal"), tmp_path_factory.mktemp("killed")
    n_attempts, sizes = 0, {"one": [5], "three": [0, 70, 3], "long": [400_000]}
    with SegmentWriter(folder, "run", seconds) as writer:
        for step in steps:
            if step == "ready":
                writer.make_ready()
            elif step == "rest":
                time.sleep(0.003)
            else:
                writer.append(*(make_attempt(n_attempts + n, "ä" * size) for n, size in enumerate(sizes[step])))
                n_attempts += len(sizes[step])
        expected = [f"turn-{n}" for n in range(n_attempts)]
        assert read_keys(folder) == expected
        last = max(folder.glob("*.open"), default=None)
        content = last.read_bytes() if last else b""
    written = content.rstrip(b"\x00")
    cut = data.draw(st.integers(0, len(written)))
    if last:
        (copy / last.name).write_bytes(written[:cut] + bytes(len(content) - cut))
    n_in_last, n_kept = written.count(b"\n"), written[:cut].count(b"\n")
    assert read_keys(copy) == expected[n_attempts - n_in_last :][:n_kept]
    assert read_keys(folder) == expected
    assert not list(folder.glob("*.open"))


PAYER = """
import resource, sys
from pathlib import Path
from tasks.scoring.ledger.journal import Attempt, SegmentWriter
def append(number):
    writer.append(Attempt(f"turn-{number}", "r", 1.0, 0.1, reply="x" * int(sys.argv[2])))
    print(number, flush=True)
with SegmentWriter(Path(sys.argv[1]), "run", seconds=3600) as writer:
    for number in range(int(sys.argv[3])):
        writer.make_ready()
        append(number)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), int(sys.argv[4])))
    try:
        while True:
            writer.make_ready()
            number += 1
            append(number)
    except OSError as error:
        print("refused", error.filename, flush=True)
    for late in range(number + 1, number + 1 + int(sys.argv[5])):
        append(late)
"""


def run_payer(folder, *numbers):
    command = [sys.executable, "-c", PAYER, str(folder), *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    *before, refusal, after = done.stdout.partition("refused")
    return len("".join(before).split()), refusal, after.split()


def test_a_disk_that_fills_refuses_the_next_call_and_still_takes_the_replies_in_flight(tmp_path):
    """The segment may not grow any more: there are 256 KiB left in it for what was paid for."""
    n_before, refusal, (file, *late) = run_payer(tmp_path, 10_000, 40, RESERVED_BYTES, 20)
    assert (refusal, len(late)) == ("refused", 20)
    assert 70 < n_before < 85
    assert file == f"{tmp_path}/run-00000.jsonl.open"
    assert read_keys(tmp_path) == [f"turn-{n}" for n in range(n_before + 20)]


def test_a_disk_without_room_for_the_next_segment_leaves_the_last_one_in_use(tmp_path):
    n_before, refusal, (file, *late) = run_payer(tmp_path, 100, 40, RESERVED_BYTES // 2, 500)
    assert (refusal, len(late)) == ("refused", 500)
    assert n_before == 100
    assert file == f"{tmp_path}/run-00001.jsonl.open"
    assert read_keys(tmp_path) == [f"turn-{n}" for n in range(600)]
    assert [path.name for path in list_segments(tmp_path)] == ["run-00000.jsonl"]


def test_a_disk_that_is_full_from_the_start_refuses_the_first_call_and_leaves_nothing(tmp_path):
    code = PAYER.replace("for number in range(int(sys.argv[3])):", "number = -1\n    while False:")
    command = [sys.executable, "-c", code, tmp_path, "10", "0", "4096", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == f"refused {tmp_path}/run-00000.jsonl.open\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_refuses_the_first_call(tmp_path):
    tmp_path.chmod(0o500)
    with SegmentWriter(tmp_path, "run") as writer, pytest.raises(OSError, match="Permission"):
        writer.make_ready()


def test_a_journal_that_vanished_refuses_the_next_call(tmp_path):
    with SegmentWriter(tmp_path / "journal", "run") as writer:
        shutil.rmtree(tmp_path / "journal")
        with pytest.raises(FileNotFoundError):
            writer.make_ready()


def test_a_kill_leaves_room_behind_and_nothing_of_it_is_read(tmp_path):
    code = PAYER.replace("while True:", "while number < 1e9:")
    command = [sys.executable, "-c", code, tmp_path, "200", "1000000", str(1 << 40), "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for _ in range(150):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    returned = 150 + len(process.stdout.read().splitlines())
    process.wait()
    kept = read_keys(tmp_path)
    assert kept == [f"turn-{n}" for n in range(len(kept))]
    assert returned <= len(kept) <= returned + 1
    left = list(tmp_path.glob("*.open"))
    assert max(left).read_bytes().endswith(bytes(1000))
    assert close_left_segments(tmp_path) == len(left)
    assert close_left_segments(tmp_path) == 0
    assert read_keys(tmp_path) == kept
    assert b"\x00" not in max(tmp_path.iterdir()).read_bytes()


def test_where_the_system_cannot_reserve_room_nuls_hold_it(tmp_path):
    with (tmp_path / "segment").open("w+b", buffering=0) as file:
        file.write(b"{}\n")
        write_nuls(file.fileno(), 3, RESERVED_BYTES)
    assert (tmp_path / "segment").read_bytes() == b"{}\n" + bytes(RESERVED_BYTES)
