"""A run that can do no good stops, says why, and keeps what it has; one whose judge changes says so."""

import time

import pytest

from tasks.config import ScoringConfig
from tasks.errors import EndpointError, LeaseHeldError, StoppedShortError
from tasks.schema import Turn, Utterance
from tasks.scoring import identify_judge, load_judge
from tasks.scoring.engine.waits import REFUSED, SILENT, Outage, Streak
from tasks.scoring.ledger.journal import SegmentWriter, list_segments, read_segment
from tasks.scoring.planning import PlannedTurn
from tests.scoring.engine.conftest import LLM

TURNS = [PlannedTurn(Turn(f"k{n}", (Utterance("speaker", f"Hello {n}"),), "Hi.")) for n in range(200)]


@pytest.fixture
def open_judge(point_at):
    """Load a judge of a server; closed with the test."""
    judges = []

    def load(server, may_call=lambda: None, **scoring):
        home = point_at(server)
        identity = identify_judge(LLM, home.settings.judge_base_url)
        judges.append(load_judge(LLM, identity, home.settings, ScoringConfig(**scoring), may_call))
        return judges[-1]

    yield load
    for judge in judges:
        judge.close()


def score(judge, folder, turns=TURNS):
    with SegmentWriter(folder, "run") as writer:
        judge.score_chunk(turns, writer, lambda _: None)


def read_journal(folder):
    return [attempt for path in list_segments(folder) for _, attempt in read_segment(path)]


@pytest.mark.parametrize("fault", ["server", "drop", "hang"])
def test_an_endpoint_that_serves_nobody_stops_the_run(fault_server, open_judge, tmp_path, quick_backoff, fault):
    server = fault_server(rates={fault: 1.0})
    judge = open_judge(server, timeout_s=0.1, max_concurrency=8)
    judge.outage = Outage(silent=((30, 0.2),))
    with pytest.raises(StoppedShortError, match="takes none of our calls") as stopped:
        score(judge, tmp_path)
    assert stopped.value.exit_code == 3
    assert "judge-2026" in stopped.value.where
    assert 30 <= len(server.calls) < 200
    assert len(read_journal(tmp_path)) == len(server.calls)


def test_an_endpoint_that_only_says_429_stops_the_run_in_the_end(fault_server, open_judge, tmp_path):
    """A limit of a day: each call is told to come back in hours."""
    server = fault_server(rates={"rate_limit": 1.0}, retry_after="7200")
    judge = open_judge(server, max_concurrency=8)
    judge.outage = Outage(refused=((20, 0.5),))
    with pytest.raises(StoppedShortError, match="rate_limit"):
        score(judge, tmp_path)
    assert 20 <= len(server.calls) < 200
    assert server.early == []


def test_an_endpoint_that_answers_now_and_then_is_no_outage(fault_server, open_judge, tmp_path, quick_backoff):
    server = fault_server(rates={"server": 0.7}, seed=1)
    judge = open_judge(server)
    judge.outage = Outage(silent=((30, 0.0),))
    score(judge, tmp_path, TURNS[:40])
    assert len({attempt.turn_key for attempt in read_journal(tmp_path)}) == 40


def test_how_many_failures_over_how_long_are_an_outage():
    outage = Outage()
    assert not any(outage.note(100 + n * 0.1, 500, "server") for n in range(100))  # 10 s: a restart
    assert any(outage.note(110 + n, None, "connection") for n in range(12))
    slow = Outage()
    found = [slow.note(60.0 * n, None, "timeout") for n in range(20)]
    assert found.index(True) == SILENT[1][0] - 1
    limited = Outage()
    found = [limited.note(10.0 * n, 429, "rate_limit") for n in range(60)]
    assert found.index(True) == REFUSED[0][1] / 10
    limited.note(1000.0, 200, None)
    assert not any(limited.note(1001.0 + n, 429, "rate_limit") for n in range(200))


def test_one_call_that_comes_back_ends_a_streak():
    streak = Streak(((3, 0.0),))
    assert [streak.note(1.0, is_failure=failed) for failed in (True, True, False, True, True, True)] == [
        False, False, False, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize("has_usage", [True, False])
def test_a_judge_that_changes_in_mid_run_is_told_once_of_each(fault_server, open_judge, tmp_path, notices, has_usage):
    server = fault_server(has_usage=has_usage)
    judge = open_judge(server, max_concurrency=1)
    first, second, third = ("judge-2026", "fp-1"), ("judge-2026", "fp-2"), ("judge-2027", "fp-2")
    for number, (model, fingerprint) in enumerate([first, second, third, first, third]):
        server.model, server.fingerprint = model, fingerprint
        score(judge, tmp_path / str(number), TURNS[number * 5 : number * 5 + 5])
    assert [text for text in notices() if "changed in mid-run" in text] == [
        "The endpoint changed in mid-run: it was judge-2026 fp-1, now it is judge-2026 fp-2.",
        "The endpoint changed in mid-run: it was judge-2026 fp-2, now it is judge-2027 fp-2.",
    ]


def test_a_lease_that_is_lost_in_mid_run_stops_it_before_the_next_call(fault_server, open_judge, tmp_path):
    server = fault_server(delay_s=0.05)
    lost = []

    def may_call():
        if lost:
            raise LeaseHeldError("The lease was lost.")

    judge = open_judge(server, may_call, max_concurrency=8)
    n_at_loss = []

    def on_done(_):
        if len(read_journal(tmp_path)) >= 20 and not lost:
            lost.append(True)
            n_at_loss.append(len(server.calls))

    with SegmentWriter(tmp_path, "run") as writer, pytest.raises(LeaseHeldError):
        judge.score_chunk(TURNS, writer, on_done)
    time.sleep(0.2)
    assert n_at_loss[0] <= len(server.calls) <= n_at_loss[0] + 8  # what was under way then
    assert len(read_journal(tmp_path)) == len(server.calls)  # and was let come back: it is paid for


def test_a_disk_that_fills_up_stops_the_run_before_the_next_call(fault_server, open_judge, tmp_path):
    class FillingDisk(SegmentWriter):
        n_left = 15

        def make_ready(self):
            if self.n_left == 0:
                raise OSError(28, "No space left on device")
            self.n_left -= 1
            super().make_ready()

    server = fault_server(delay_s=0.02)
    judge = open_judge(server, max_concurrency=4)
    with pytest.raises(OSError, match="No space"), FillingDisk(tmp_path, "run") as writer:
        judge.score_chunk(TURNS, writer, lambda _: None)
    assert len(server.calls) == 15
    assert len(read_journal(tmp_path)) == 15


def test_an_error_in_one_chunk_leaves_places_and_budget_to_the_others(fault_server, open_judge, tmp_path):
    server = fault_server(delay_s=0.05)
    judge = open_judge(server, max_concurrency=4)

    def fail(_):
        raise RuntimeError("a bug of ours")

    with pytest.raises(RuntimeError), SegmentWriter(tmp_path / "a", "run") as writer:
        judge.score_chunk(TURNS[:50], writer, fail)
    score(judge, tmp_path / "b", TURNS[50:80])
    assert len(read_journal(tmp_path / "b")) == 30
    kept = read_journal(tmp_path / "a")
    assert len(kept) + 30 == len(server.calls)
    assert {attempt.error_class for attempt in kept} == {None, "interrupted"}


def test_a_judge_that_gives_no_score_at_all_is_not_paid_for_every_turn(fault_server, open_judge, tmp_path):
    server = fault_server(rates={"malformed": 1.0})
    judge = open_judge(server, max_concurrency=8)
    with pytest.raises(EndpointError, match="None of the first 30 turns got a score") as stopped:
        score(judge, tmp_path)
    assert "rubric" in stopped.value.do
    assert 90 <= len(server.calls) < 150
