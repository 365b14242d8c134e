"""A shard pays only while the run that it is a part of holds the judge."""

from __future__ import annotations

import time
from collections.abc import Callable

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


def agree() -> bool:
    return True


def refuse() -> bool:
    raise OSError("the store is away")


@pytest.fixture
def join(tmp_path):
    """Belong to a lease's run, looking every few milliseconds."""
    joined = []

    def run(lease, sign: Callable[[], bool] = agree) -> Membership:
        membership = Membership(CardFile(tmp_path), lease.token, "gpt", sign, look_every_s=0.02)
        membership.enter()
        joined.append(membership)
        return membership

    yield run
    for membership in joined:
        membership.leave()


def test_a_shard_pays_while_its_run_holds_the_judge(tmp_path, join):
    with hold_lease(tmp_path, "gpt", "lead") as lease:
        membership = join(lease)
        time.sleep(0.1)
        membership.check()
    assert "it has ended" in wait_until_refused(membership).what


def test_a_shard_stops_when_another_run_took_the_judge_over_even_one_of_the_same_name(tmp_path, join):
    with hold_lease(tmp_path, "gpt", "lead") as lease:
        membership = join(lease)
        membership.leave()
    with hold_lease(tmp_path, "gpt", "lead"):
        membership._look()
        assert "'lead'" in wait_until_refused(membership).what


def test_a_shard_without_its_run_does_not_begin(tmp_path):
    with (
        pytest.raises(ConfigError, match="does not let it ask the judge gpt") as caught,
        join_run(CardFile(tmp_path), "token", "gpt", agree),
    ):
        pass
    assert "EMPATHY_JOURNAL" in caught.value.do
    with (
        hold_lease(tmp_path, "gpt", "another"),
        pytest.raises(ConfigError, match="another's"),
        join_run(CardFile(tmp_path), "token", "gpt", agree),
    ):
        pass


@pytest.mark.parametrize("silent", ["_looked_at", "_signed_at"])
def test_a_shard_that_cannot_look_or_sign_stops_after_a_while_for_another_to_go_on(tmp_path, join, silent):
    with hold_lease(tmp_path, "gpt", "lead") as lease:
        membership = join(lease)
        membership.leave()
        time.sleep(0.1)  # the threads are at their end
        membership.check()
        since = getattr(membership, silent)
        setattr(membership, silent, tuple(clock - PATIENCE_S - 1 for clock in since))  # as if it had been away
        with pytest.raises(OSError, match="was away for 6"):
            membership.check()


def test_a_store_that_is_away_for_a_moment_lets_a_shard_begin_all_the_same(tmp_path, join):
    answers = [agree, refuse, refuse]
    with hold_lease(tmp_path, "gpt", "lead") as lease:
        join(lease, lambda: answers.pop()() if answers else True).check()
    assert not answers


def test_a_shard_that_its_run_gave_to_another_stops(tmp_path, join):
    answers = [False, True]
    with hold_lease(tmp_path, "gpt", "lead") as lease:
        membership = join(lease, lambda: answers.pop() if answers else False)
        assert "to another run" in wait_until_refused(membership).what
        with pytest.raises(ConfigError, match="to another run"):
            join(lease, lambda: False)
