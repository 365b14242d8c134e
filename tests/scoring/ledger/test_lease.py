"""One payer at a time, and a dead payer does not block the next."""

import re
import signal
import subprocess
import sys
import time

import pytest

from tasks.errors import LeaseHeldError
from tasks.scoring import hold_lease

HOLDER = """
import sys, time
from pathlib import Path
from tasks.scoring import hold_lease
with hold_lease(Path(sys.argv[1]), "gpt", "night run"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_run_is_told_who_holds_the_lease(tmp_path, holder):
    with pytest.raises(LeaseHeldError) as caught, hold_lease(tmp_path, "gpt", "second"):
        pass
    assert f"run 'night run', process {holder.pid} on " in caught.value.what
    assert re.search(r", since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC, last heartbeat \d s ago", caught.value.what)
    assert "gpt" in caught.value.what
    assert caught.value.where == str(tmp_path)
    assert caught.value.exit_code == 2


def test_the_lease_of_a_killed_run_is_taken_over_at_once(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    started = time.monotonic()
    with hold_lease(tmp_path, "gpt", "next"):
        assert time.monotonic() - started < 1
    with hold_lease(tmp_path, "gpt", "after that"):
        pass


def test_a_lease_is_freed_when_its_run_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), hold_lease(tmp_path, "gpt", "first"):
        _ = 1 / 0
    with hold_lease(tmp_path, "gpt", "second"):
        pass
    assert not (tmp_path / "lease.json").exists()


def test_a_second_run_of_the_same_process_is_refused_too(tmp_path):
    with hold_lease(tmp_path, "gpt", "first"):
        with pytest.raises(LeaseHeldError, match="first"), hold_lease(tmp_path, "gpt", "second"):
            pass
        with pytest.raises(LeaseHeldError), hold_lease(tmp_path, "gpt", "third"):
            pass


def test_a_lease_that_stands_may_be_checked_as_often_as_one_likes(tmp_path):
    with hold_lease(tmp_path, "gpt", "first", heartbeat_s=0.02) as lease:
        started, until = time.time(), time.monotonic() + 0.3
        while time.monotonic() < until:
            lease.check()
        assert (tmp_path / "lease.json").stat().st_mtime > started + 0.1


def test_two_judges_have_two_leases(tmp_path):
    with hold_lease(tmp_path / "a", "a", "first"), hold_lease(tmp_path / "b", "b", "second"):
        assert (tmp_path / "a" / "lease.json").exists()
        assert (tmp_path / "b" / "lease.json").exists()


@pytest.mark.parametrize("card", ["", "{", "[]", "null", '{"pid": 1}', '{"since": "x"}'])
def test_a_card_that_cannot_be_read_does_not_hide_that_the_lease_is_held(tmp_path, card):
    with hold_lease(tmp_path, "gpt", "first"):
        (tmp_path / "lease.json").write_text(card, encoding="utf-8")
        with pytest.raises(LeaseHeldError, match="not signed"), hold_lease(tmp_path, "gpt", "second"):
            pass
