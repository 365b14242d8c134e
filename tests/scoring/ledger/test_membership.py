"""A shard pays only while the run that it is a part of holds the judge."""

from __future__ import annotations

import time

import pytest

from tasks.errors import ConfigError, LeaseHeldError
from tasks.scoring import hold_lease
from tasks.scoring.ledger.lease_card import CardFile
from tasks.scoring.ledger.membership import PATIENCE_S, Membership, join_run


def wait_until_refused(membership: Membership, longest_s: float = 5.0) -> LeaseHeldError:
    deadline = time.monotonic() + longest_s
    while time.monotonic() < deadline:
        try:
            membership.check()
        except LeaseHeldError as error:
            return error
        time.sleep(0.02)
    raise AssertionError("the shard may still pay")


@pytest.fixture
def join(tmp_path):
    """Belong to the run 'lead', looking every few milliseconds."""
    joined = []

    def run() -> Membership:
        membership = Membership(CardFile(tmp_path), "lead", "gpt", lambda: True, look_every_s=0.02)
        membership.enter()
        joined.append(membership)
        return membership

    yield run
    for membership in joined:
        membership.leave()


def test_a_shard_pays_while_its_run_holds_the_judge(tmp_path, join):
    with hold_lease(tmp_path, "gpt", "lead"):
        membership = join()
        time.sleep(0.1)
        membership.check()
    assert "it has ended" in wait_until_refused(membership).what


def test_a_shard_stops_when_another_run_took_the_judge_over(tmp_path, join):
    with hold_lease(tmp_path, "gpt", "lead"):
        membership = join()
    with hold_lease(tmp_path, "gpt", "another"):
        assert "another" in wait_until_refused(membership).what


def test_a_shard_without_its_run_does_not_begin(tmp_path):
    with (
        pytest.raises(ConfigError, match="does not let it ask the judge gpt") as caught,
        join_run(CardFile(tmp_path), "lead", "gpt", lambda: True),
    ):
        pass
    assert "EMPATHY_JOURNAL" in caught.value.do
    with (
        hold_lease(tmp_path, "gpt", "another"),
        pytest.raises(ConfigError, match="another's"),
        join_run(CardFile(tmp_path), "lead", "gpt", lambda: True),
    ):
        pass


def test_a_shard_that_cannot_look_stops_after_a_while(tmp_path, join):
    with hold_lease(tmp_path, "gpt", "lead"):
        membership = join()
        membership.leave()
        membership.check()
        membership._looked_at -= PATIENCE_S + 1  # as if the store had been away for so long
        with pytest.raises(LeaseHeldError, match="store did not answer for 6"):
            membership.check()


def test_a_shard_that_cannot_sign_stops_after_a_while(tmp_path):
    def refuse() -> bool:
        raise OSError("the store is away")

    with (
        hold_lease(tmp_path, "gpt", "lead"),
        pytest.raises(OSError, match="away"),
        join_run(CardFile(tmp_path), "lead", "gpt", refuse),
    ):
        pass
    answers = [True]

    def answer_once() -> bool:
        return answers.pop() if answers else refuse()

    with (
        hold_lease(tmp_path, "gpt", "lead"),
        join_run(CardFile(tmp_path), "lead", "gpt", answer_once) as membership,
    ):
        membership.check()
        membership._signed_at -= PATIENCE_S + 1
        with pytest.raises(LeaseHeldError, match="store did not answer"):
            membership.check()


def test_a_shard_that_its_run_gave_to_another_stops(tmp_path):
    wanted = [True, True, False]
    membership = Membership(CardFile(tmp_path), "lead", "gpt", lambda: wanted.pop(0) if wanted else False, 0.02)
    with hold_lease(tmp_path, "gpt", "lead"):
        membership.enter()
        membership.check()
        membership._sign_once()
        membership._sign_once()
        assert "to another run" in wait_until_refused(membership).what
        membership.leave()
        with pytest.raises(ConfigError, match="to another run"):
            Membership(CardFile(tmp_path), "lead", "gpt", lambda: False).enter()
