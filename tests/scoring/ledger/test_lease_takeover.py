"""When a lease changes hands, and how the run that lost it finds out before it pays for another call."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from tasks.errors import LeaseHeldError
from tasks.scoring.ledger.lease import EXPIRES_S, HEARTBEAT_S, hold_lease
from tasks.scoring.ledger.lease_card import measure_start, name_process_space

PAYER = """
import sys, time
from pathlib import Path
from tasks.errors import LeaseHeldError
from tasks.scoring.ledger.lease import hold_lease
try:
    with hold_lease(Path(sys.argv[1]), "gpt", "sleeper", heartbeat_s=0.1, expires_s=float(sys.argv[2])) as lease:
        print("held", flush=True)
        while True:
            lease.check()
            time.sleep(0.001)
except LeaseHeldError as error:
    print(error.what, flush=True)
"""


@pytest.fixture
def start_payer(tmp_path):
    """Start a run in a process of its own that pays for ever, and return it when it holds the lease."""
    started = []

    def start(expires_s):
        command = [sys.executable, "-c", PAYER, str(tmp_path), str(expires_s)]
        started.append(process := subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def sign(folder, age_s=0.0, **values):
    """Put a card there, with its last heartbeat so long ago."""
    owner = {
        "token": "other", "host": "elsewhere", "process_space": "elsewhere", "pid": os.getpid(),
        "started_s": 1.0, "run": "night run", "since": 1_800_000_000.0,
    }  # fmt: skip
    write_card(folder, json.dumps(owner | values).encode(), age_s)


def write_card(folder, content, age_s=0.0):
    card = folder / "lease.json"
    card.write_bytes(content)
    os.utime(card, (time.time() - age_s,) * 2)


def test_the_times_are_those_of_the_contract():
    assert (HEARTBEAT_S, EXPIRES_S) == (10.0, 60.0)


def test_a_stopped_run_loses_its_lease_and_finds_out_when_it_wakes(tmp_path, start_payer):
    sleeper = start_payer(2.0)
    sleeper.send_signal(signal.SIGSTOP)
    with pytest.raises(LeaseHeldError, match="sleeper"), hold_lease(tmp_path, "gpt", "early", expires_s=2.0):
        pass
    time.sleep(2.1)
    with hold_lease(tmp_path, "gpt", "next", heartbeat_s=0.1, expires_s=2.0) as lease:
        sleeper.send_signal(signal.SIGCONT)
        said, _ = sleeper.communicate(timeout=10)
        assert "was lost" in said
        assert "run 'next'" in said
        lease.check()
        assert (tmp_path / "lease.json").exists()


def test_a_stopped_run_whose_successor_has_ended_finds_out_too(tmp_path, start_payer):
    sleeper = start_payer(2.0)
    sleeper.send_signal(signal.SIGSTOP)
    time.sleep(2.1)
    with hold_lease(tmp_path, "gpt", "next", expires_s=2.0):
        pass
    sleeper.send_signal(signal.SIGCONT)
    said, _ = sleeper.communicate(timeout=10)
    assert "another run took it over and has ended" in said
    assert not (tmp_path / "lease.json").exists()


def test_a_stopped_run_that_nobody_followed_goes_on(tmp_path, start_payer):
    sleeper = start_payer(1.5)
    sleeper.send_signal(signal.SIGSTOP)
    time.sleep(1.6)
    sleeper.send_signal(signal.SIGCONT)
    time.sleep(0.5)
    assert sleeper.poll() is None
    with pytest.raises(LeaseHeldError, match="sleeper"), hold_lease(tmp_path, "gpt", "next", expires_s=1.5):
        pass


def test_a_killed_run_that_its_parent_has_not_buried_is_taken_over_at_once(tmp_path, start_payer):
    payer = start_payer(60)
    os.kill(payer.pid, signal.SIGKILL)
    dead = psutil.Process(payer.pid)
    while dead.status() != psutil.STATUS_ZOMBIE or dead.num_threads() > 1:
        time.sleep(0.001)
    with hold_lease(tmp_path, "gpt", "next") as lease:
        lease.check()


def test_a_heart_that_beats_keeps_the_lease_beyond_its_time(tmp_path, start_payer):
    start_payer(1.5)
    until = time.monotonic() + 2.5
    while time.monotonic() < until:
        with pytest.raises(LeaseHeldError, match="sleeper"), hold_lease(tmp_path, "gpt", "next", expires_s=1.5):
            pass


@pytest.mark.parametrize("age_s", [0, 50])
def test_a_run_on_another_host_keeps_its_lease_while_its_heartbeat_is_young(tmp_path, age_s):
    sign(tmp_path, age_s)
    told = r"run 'night run', process \d+ on elsewhere, since 2027-01-15 08:00:00 UTC, last heartbeat \d+ s ago"
    with pytest.raises(LeaseHeldError, match=told), hold_lease(tmp_path, "gpt", "next"):
        pass
    assert json.loads((tmp_path / "lease.json").read_bytes())["token"] == "other"


@pytest.mark.parametrize("age_s", [62, 1e6, -62, -1e6])
def test_a_run_on_another_host_without_a_heartbeat_is_taken_over(tmp_path, age_s, caplog):
    sign(tmp_path, age_s)
    with hold_lease(tmp_path, "gpt", "next") as lease:
        lease.check()
    assert "taking over the lease of the judge gpt" in caplog.text
    assert "night run" in caplog.text


def test_a_pid_that_is_used_again_does_not_hold_the_lease(tmp_path):
    started_s = measure_start(psutil.Process())
    sign(tmp_path, process_space=name_process_space(), started_s=started_s)
    with pytest.raises(LeaseHeldError, match="night run"), hold_lease(tmp_path, "gpt", "next"):
        pass
    sign(tmp_path, process_space=name_process_space(), started_s=started_s - 100)
    with hold_lease(tmp_path, "gpt", "next"):
        pass


def test_a_container_of_the_same_name_is_another_host(tmp_path):
    """Its processes are not in our table: that a pid is unknown here proves nothing."""
    sign(tmp_path, process_space=name_process_space() + " 2", pid=2**22 + 1)
    with pytest.raises(LeaseHeldError, match="night run"), hold_lease(tmp_path, "gpt", "next"):
        pass


@pytest.mark.parametrize("pid", [2**22 + 1, 2**40])
def test_a_pid_that_no_process_has_does_not_hold_the_lease(tmp_path, pid):
    sign(tmp_path, process_space=name_process_space(), pid=pid)
    with hold_lease(tmp_path, "gpt", "next"):
        pass


CARDS = [b"", b"{", b"[]", b"null", b"\x00" * 900, b"\xff\xfe", b'{"pid": 1}', b"[" * 70_000, b'{"pid": NaN}']


@pytest.mark.parametrize("content", CARDS)
def test_a_card_that_cannot_be_read_holds_for_its_time_and_not_longer(tmp_path, content):
    write_card(tmp_path, content, age_s=50)
    with pytest.raises(LeaseHeldError, match="not signed"), hold_lease(tmp_path, "gpt", "next"):
        pass
    write_card(tmp_path, content, age_s=62)
    with hold_lease(tmp_path, "gpt", "next"):
        pass


@pytest.mark.parametrize("values", [{"since": 1e300}, {"since": -1e300}, {"pid": -5}, {"pid": 0}, {"run": 7}])
def test_a_card_with_strange_values_is_told_of_all_the_same(tmp_path, values):
    sign(tmp_path, **values)
    with pytest.raises(LeaseHeldError), hold_lease(tmp_path, "gpt", "next"):
        pass


@pytest.mark.parametrize("content", [None, b"", b"{", b"null"])
def test_a_card_that_is_deleted_or_damaged_under_its_owner_is_written_anew(tmp_path, content):
    with hold_lease(tmp_path, "gpt", "first", heartbeat_s=0.05) as lease:
        (tmp_path / "lease.json").unlink()
        if content is not None:
            write_card(tmp_path, content)
        time.sleep(0.3)
        lease.check()
        with pytest.raises(LeaseHeldError, match="first"), hold_lease(tmp_path, "gpt", "second"):
            pass
    assert not (tmp_path / "lease.json").exists()


def test_a_run_that_lost_its_lease_leaves_the_card_of_the_other(tmp_path):
    with hold_lease(tmp_path, "gpt", "first", heartbeat_s=0.05) as lease:
        sign(tmp_path)
        time.sleep(0.3)
        for _ in range(2):
            with pytest.raises(LeaseHeldError, match=r"was lost.*night run") as caught:
                lease.check()
    assert caught.value.exit_code == 2
    assert json.loads((tmp_path / "lease.json").read_bytes())["token"] == "other"


def test_a_check_asks_the_disk_where_no_heart_has_beaten(tmp_path):
    with hold_lease(tmp_path, "gpt", "first", heartbeat_s=0.8) as lease:
        lease._is_over.set()  # as if its thread had died
        lease._heart.join()
        sign(tmp_path)
        lease.check()
        time.sleep(1.7)
        with pytest.raises(LeaseHeldError, match="night run"):
            lease.check()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match=r"Permission.*lease"), hold_lease(tmp_path, "gpt", "first"):
        pass


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"), hold_lease(tmp_path / "file" / "journal", "gpt", "first"):
        pass


def test_no_thread_outlives_its_lease(tmp_path):
    before = threading.active_count()
    with hold_lease(tmp_path, "gpt", "first"):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


RACER = """
import fcntl, os, random, sys, time
from pathlib import Path
from tasks.errors import LeaseHeldError
from tasks.scoring.ledger.lease import hold_lease
folder, until = Path(sys.argv[1]), time.monotonic() + 4
def hold():
    with hold_lease(folder, "gpt", "racer") as lease, (folder / "witness").open("w") as witness:
        fcntl.flock(witness, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lease.check()
        time.sleep(random.uniform(0, 0.01))
        if random.random() < 0.3:
            os.kill(os.getpid(), 9)
while time.monotonic() < until:
    if not (child := os.fork()):
        try:
            hold()
        except LeaseHeldError:
            os._exit(2)
        except BlockingIOError:
            os._exit(3)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print({0: "held", -9: "killed", 2: "refused", 3: "TWO HOLDERS"}.get(status, status), flush=True)
"""


def test_of_eight_processes_that_race_never_two_hold_the_lease(tmp_path):
    """The witness is a lock of the kernel's, so that it tells on holders that are killed as well."""
    command = [sys.executable, "-c", RACER, str(tmp_path)]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    said = [line for racer in racers for line in racer.communicate(timeout=60)[0].splitlines()]
    assert set(said) == {"held", "killed", "refused"}
    assert min(said.count("held"), said.count("killed")) >= 3
