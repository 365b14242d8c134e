"""A journal that hosts share: what one paid for, another knows; an outage of the store costs nothing."""

from __future__ import annotations

import json
import threading
import time
from urllib.parse import urlsplit

import pytest

from tasks.errors import LeaseHeldError, StoppedShortError
from tasks.scoring import SegmentWriter, SharedJournal, hold_judge
from tasks.scoring.ledger.journal import Attempt, list_segments, read_segment
from tasks.scoring.ledger.shared import Sender
from tasks.settings import Settings
from tests.switched_proxy import SwitchedProxy


def attempt(key: str) -> Attempt:
    return Attempt(turn_key=key, request_key=f"r-{key}", sent_at=1.0, latency_s=0.1, reply="{}", http_status=200)


def write(folder, name: str, *keys: str) -> None:
    with SegmentWriter(folder, name) as writer:
        writer.append(*map(attempt, keys))


def read_keys(folder) -> set[str]:
    return {found.turn_key for path in list_segments(folder) for _, found in read_segment(path)}


@pytest.fixture
def hosts(tmp_path, bucket):
    """Settings of two machines with one journal in common."""
    return [Settings(home=tmp_path / name, journal=f"{bucket}/journal/") for name in ("one", "two")]


def test_what_one_host_paid_for_is_found_by_the_next(hosts):
    one, two = (settings.journal_dir / "abc" for settings in hosts)
    with hold_judge(hosts[0], one, "gpt", "first"):
        write(one, "first-00000", "a", "b")
        (one / "judge.json").write_text(json.dumps({"alias": "gpt"}))
        write(one, "first-00001", "c")
    with hold_judge(hosts[1], two, "gpt", "second"):
        assert read_keys(two) == {"a", "b", "c"}
        assert (two / "judge.json").read_text() == (one / "judge.json").read_text()
    assert SharedJournal(hosts[0].journal).list_judges() == ["abc"]


def test_two_hosts_do_not_pay_at_once(hosts):
    one, two = (settings.journal_dir / "abc" for settings in hosts)
    with hold_judge(hosts[0], one, "gpt", "first") as hold:
        with pytest.raises(LeaseHeldError, match="run 'first'") as caught, hold_judge(hosts[1], two, "gpt", "second"):
            pass
        hold.check()
        assert caught.value.where == f"{hosts[0].journal}/abc"
    with hold_judge(hosts[1], two, "gpt", "second"):
        pass


def test_of_two_hosts_that_sign_at_the_same_moment_one_holds_the_lease(hosts):
    held, refused = [], []
    start = threading.Barrier(2)

    def hold(settings):
        start.wait()
        try:
            with hold_judge(settings, settings.journal_dir / "abc", "gpt", settings.home.name):
                held.append(settings.home.name)
                time.sleep(3)
        except LeaseHeldError:
            refused.append(settings.home.name)

    threads = [threading.Thread(target=hold, args=(settings,)) for settings in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(held) == len(refused) == 1


def test_a_segment_that_was_not_sent_is_sent_by_the_next_run(hosts):
    one, two = (settings.journal_dir / "abc" for settings in hosts)
    write(one, "killed-00000", "a")
    with hold_judge(hosts[0], one, "gpt", "next"):
        pass
    SharedJournal(hosts[1].journal).bring(two)
    assert read_keys(two) == {"a"}


def test_an_outage_of_the_store_delays_the_end_only(hosts, s3_url, monkeypatch, bucket):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    proxy = SwitchedProxy(urlsplit(s3_url).port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    shared, folder = SharedJournal(f"{bucket}/outage"), hosts[0].journal_dir / "abc"
    folder.mkdir(parents=True)
    sender = Sender(shared, folder)
    proxy.switch(on=False)
    write(folder, "run-00000", "a", "b")
    deadline = time.monotonic() + 30
    while not proxy.n_refused and time.monotonic() < deadline:
        time.sleep(0.1)
    threading.Timer(3, proxy.switch, kwargs={"on": True}).start()
    sender.finish(60)
    assert proxy.n_refused
    assert set(shared.list_files("abc")) == {path.name for path in list_segments(folder)}
    proxy.stop()


def test_a_store_that_stays_away_is_told_and_loses_nothing(hosts, s3_url, monkeypatch, bucket):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    proxy = SwitchedProxy(urlsplit(s3_url).port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    folder = hosts[0].journal_dir / "abc"
    folder.mkdir(parents=True)
    sender = Sender(SharedJournal(f"{bucket}/away"), folder)
    proxy.switch(on=False)
    write(folder, "run-00000", "a")
    with pytest.raises(StoppedShortError, match="1 segments") as caught:
        sender.finish(2)
    assert caught.value.exit_code == 3
    assert read_keys(folder) == {"a"}
    proxy.stop()


def test_a_run_that_fails_sends_what_it_was_answered(hosts):
    one = hosts[0].journal_dir / "abc"

    def fail() -> None:
        with hold_judge(hosts[0], one, "gpt", "first"):
            write(one, "first-00000", "a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert SharedJournal(hosts[0].journal).list_files("abc").keys() == {"first-00000-00000.jsonl"}


def test_lines_that_were_removed_here_are_removed_there(hosts):
    one, two = (settings.journal_dir / "abc" for settings in hosts)
    with hold_judge(hosts[0], one, "gpt", "first"):
        write(one, "first-00000", "a", "b")
        write(one, "first-00001", "c")
    (path, _) = list_segments(one)
    with hold_judge(hosts[0], one, "gpt", "forget"):
        path.write_bytes(path.read_bytes().split(b"\n")[1] + b"\n")
    SharedJournal(hosts[0].journal).bring_all(hosts[1].journal_dir)
    assert read_keys(two) == {"b", "c"}


def test_a_shared_journal_is_an_object_store(tmp_path):
    with pytest.raises(ValueError, match="must be an s3:// URL"):
        Settings(home=tmp_path, journal="/somewhere")
