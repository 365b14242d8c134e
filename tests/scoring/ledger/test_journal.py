"""The journal keeps every reply for which `append` came back, whatever happens to the process."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.scoring.ledger.journal import (
    SEGMENT_REPLIES,
    Attempt,
    SegmentWriter,
    close_left_segments,
    list_segments,
    read_segment,
    segment_name,
)


def make_attempt(key, reply="Rationality: 3\nSensibility: 8", **values):
    return Attempt(f"turn-{key}", "request", 1_800_000_000.0, 0.5, reply=reply, **values)


def read_all(folder):
    return [attempt for path in list_segments(folder) for _, attempt in read_segment(path)]


def test_an_attempt_is_read_back_as_it_was_written(tmp_path):
    attempt = make_attempt(
        1, http_status=200, finish_reason="stop", model="m", system_fingerprint="fp", tokens_in=9, tokens_cached=1,
        tokens_out=2, method="logprobs",
    )  # fmt: skip
    failed = make_attempt(2, None, http_status=500, error_class="server")
    with SegmentWriter(tmp_path, "run") as writer:
        writer.append(attempt, failed)
    assert read_all(tmp_path) == [attempt, failed]


def wait_for(folder, *names):
    """Segments are closed in the background: wait until these are there, and no others."""
    until = time.monotonic() + 10
    while (found := [path.name for path in list_segments(folder)]) != list(names) and time.monotonic() < until:
        time.sleep(0.005)
    assert found == list(names)


@given(st.text() | st.sampled_from(["\ud83d", "a\nb\r\n\u2028\u0085c", "\x00", '"}\n{"']))
def test_any_reply_stands_on_one_line_and_none_is_lost(tmp_path_factory, reply):
    folder = tmp_path_factory.mktemp("journal")
    with SegmentWriter(folder, "run") as writer:
        writer.append(make_attempt(1, reply))
    (attempt,) = read_all(folder)
    assert attempt.reply == reply.encode("utf-8", "replace").decode()


def test_a_segment_is_closed_after_a_hundred_replies_and_at_the_end(tmp_path):
    with SegmentWriter(tmp_path, "run") as writer:
        for number in range(2 * SEGMENT_REPLIES + 7):
            writer.append(make_attempt(number))
        wait_for(tmp_path, "run-00000.jsonl", "run-00001.jsonl", "run-00002.jsonl.open")
    sizes = [len(list(read_segment(path))) for path in list_segments(tmp_path)]
    assert sizes == [SEGMENT_REPLIES, SEGMENT_REPLIES, 7]
    assert not list(tmp_path.glob("*.open"))


def test_a_segment_is_closed_after_a_second(tmp_path):
    with SegmentWriter(tmp_path, "run") as writer:
        writer.append(make_attempt(1))
        assert list(tmp_path.glob("*.open"))
        time.sleep(1.05)
        writer.append(make_attempt(2))
        wait_for(tmp_path, "run-00000.jsonl", "run-00001.jsonl.open")
    assert [len(list(read_segment(path))) for path in list_segments(tmp_path)] == [1, 1]


def test_a_writer_that_wrote_nothing_leaves_no_segment(tmp_path):
    with SegmentWriter(tmp_path, "run"):
        pass
    assert list_segments(tmp_path) == []


def test_a_lost_segment_in_the_midst_does_not_make_the_next_writer_write_over_another(tmp_path):
    for key in range(3):
        with SegmentWriter(tmp_path, "run") as writer:
            writer.append(make_attempt(key))
    (tmp_path / "run-00001.jsonl").unlink()
    (tmp_path / "run-00007-00009.jsonl").touch()  # of another chunk, whose name begins alike
    with SegmentWriter(tmp_path, "run") as writer:
        writer.append(make_attempt(3))
    assert [attempt.turn_key for attempt in read_all(tmp_path)] == ["turn-0", "turn-2", "turn-3"]
    assert (tmp_path / "run-00003.jsonl").exists()


@pytest.mark.parametrize("value", [2**70, float("nan"), float("inf"), "\udc80"])
def test_a_value_that_json_does_not_know_does_not_lose_a_reply(tmp_path, value):
    with SegmentWriter(tmp_path, "run") as writer:
        writer.append(make_attempt(1, "\ud83d Rationality: 3", logprobs=[["8", {"8": value}]]))
    (attempt,) = read_all(tmp_path)
    assert attempt.reply == "? Rationality: 3"
    assert attempt.logprobs[0][0] == "8"


def test_a_second_writer_of_one_chunk_continues_the_numbers(tmp_path):
    for key in range(3):
        with SegmentWriter(tmp_path, "run-00001") as writer:
            writer.append(make_attempt(key))
    assert [path.name for path in list_segments(tmp_path)] == [f"run-00001-{n:05d}.jsonl" for n in range(3)]
    assert len(read_all(tmp_path)) == 3


def test_threads_of_one_chunk_do_not_tear_each_others_lines(tmp_path):
    def work(worker):
        for number in range(100):
            writer.append(make_attempt(f"{worker}-{number}", "x" * 3000))

    with SegmentWriter(tmp_path, "run") as writer:
        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    attempts = read_all(tmp_path)
    assert len({attempt.turn_key for attempt in attempts}) == len(attempts) == 800


def test_a_reply_can_be_read_while_its_segment_is_open_and_keeps_its_name(tmp_path):
    with SegmentWriter(tmp_path, "run") as writer:
        writer.append(make_attempt(1))
        (path,) = list_segments(tmp_path)
        assert path.name == "run-00000.jsonl.open"
        assert [attempt.turn_key for _, attempt in read_segment(path)] == ["turn-1"]
        name = segment_name(path)
    assert [segment_name(path) for path in list_segments(tmp_path)] == [name]


@given(st.data())
def test_a_journal_cut_at_any_byte_keeps_every_whole_line(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("journal")
    with SegmentWriter(folder, "run") as writer:
        writer.append(*(make_attempt(number, "Wärme ✓") for number in range(3)))
    (path,) = list_segments(folder)
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    assert len(read_all(folder)) == content[:cut].count(b"\n")


@pytest.mark.parametrize("damage", [b"\x00" * 40, b"not json", b"[1]", b"null", b'{"turn_key": "x"}', b"\xff\xfe"])
def test_a_damaged_line_is_passed_over_with_a_warning_and_its_neighbours_stand(tmp_path, caplog, damage):
    with SegmentWriter(tmp_path, "run") as writer:
        writer.append(*(make_attempt(number) for number in range(3)))
    (path,) = list_segments(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + damage + b"\n" + lines[2])
    with caplog.at_level(logging.WARNING, "empathy.journal"):
        assert [attempt.turn_key for attempt in read_all(tmp_path)] == ["turn-0", "turn-2"]
    assert f"{path}:2" in caplog.text


def test_a_field_of_a_later_version_is_passed_over(tmp_path):
    line = {"turn_key": "t", "request_key": "r", "sent_at": 1.0, "latency_s": 0.1, "reply": "x", "mood": "good"}
    (tmp_path / "run-00000.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    assert read_all(tmp_path) == [Attempt("t", "r", 1.0, 0.1, reply="x")]


def test_a_segment_that_closes_between_listing_and_reading_is_read(tmp_path):
    with SegmentWriter(tmp_path, "run") as writer:
        writer.append(make_attempt(1))
        (path,) = list_segments(tmp_path)
    assert [attempt.turn_key for _, attempt in read_segment(path)] == ["turn-1"]


def test_no_journal_has_no_segments(tmp_path):
    assert list_segments(tmp_path / "nowhere") == []


WRITER = """
import sys
from pathlib import Path
from tasks.scoring.ledger.journal import Attempt, SegmentWriter
if sys.argv[2] != "0":
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
number = 0
with SegmentWriter(Path(sys.argv[1]), "run") as writer:
    while True:
        try:
            writer.append(Attempt(f"turn-{number}", "r", 1.0, 0.1, reply="x" * (number % 5000)))
        except OSError:
            print("refused", flush=True)
            raise SystemExit(1)
        print(number, flush=True)
        number += 1
"""


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.3])
def test_a_kill_in_mid_append_loses_nothing_that_append_returned_for(tmp_path, delay_s):
    process = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "0\n"
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    returned = {0} | {int(line) for line in process.stdout.read().splitlines()}
    process.wait()
    kept = {int(attempt.turn_key.removeprefix("turn-")) for attempt in read_all(tmp_path)}
    assert returned <= kept
    assert len(kept - returned) <= 1


def test_a_full_disk_is_told_and_what_was_written_before_stands(tmp_path):
    done = subprocess.run([sys.executable, "-c", WRITER, tmp_path, "20000"], capture_output=True, text=True, timeout=60)
    assert "refused" in done.stdout
    returned = {int(number) for number in re.findall(r"^\d+$", done.stdout, re.MULTILINE)}
    kept = {int(attempt.turn_key.removeprefix("turn-")) for attempt in read_all(tmp_path)}
    assert len(returned) > 50
    assert returned <= kept


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="Permission"), SegmentWriter(tmp_path, "run") as writer:
        writer.append(make_attempt(1))


def test_what_another_process_is_writing_is_neither_closed_nor_merged_before_it_is_whole(tmp_path):
    program = (
        "import sys; from pathlib import Path\n"
        "from tasks.scoring.ledger.journal import Attempt, SegmentWriter\n"
        "with SegmentWriter(Path(sys.argv[1]), 'run', seconds=60) as writer:\n"
        "    for line in sys.stdin:\n"
        "        writer.append(Attempt(line.strip(), 'r', 1.0, 0.1, reply='x'))\n"
        "        print('written', flush=True)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", program, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    for turn in ("a", "b"):
        writer.stdin.write(f"{turn}\n")
        writer.stdin.flush()
        assert writer.stdout.readline() == "written\n"
        assert close_left_segments(tmp_path) == 0
        assert [path.suffix for path in list_segments(tmp_path)] == [".open"]
    writer.kill()
    writer.wait()
    assert close_left_segments(tmp_path) == 1
    (path,) = list_segments(tmp_path)
    assert [attempt.turn_key for _, attempt in read_segment(path)] == ["a", "b"]
