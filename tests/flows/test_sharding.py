"""The run that leads shards: which it waits for, submits again or gives up, by what a server tells it."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import uuid4

import pytest
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Completed, Crashed, Pending, Running, Scheduled

from flows import sharding
from flows.sharding import Shards
from tasks.errors import EndpointError, StoppedShortError
from tasks.scoring import RUNS, note_outcome


class Client:
    """A server that has runs in whatever state the test says."""

    def __init__(self) -> None:
        self.states = {}

    def read_flow_run(self, run_id):
        if self.states[run_id] is None:
            raise ObjectNotFound(Exception("gone"))
        return SimpleNamespace(state=self.states[run_id])

    def set_flow_run_state(self, run_id, state):
        self.states[run_id] = state


class Submitted(Shards):
    """Shards whose runs are the client's."""

    def submit(self, shard):
        self._n_tries[shard] += 1
        self.runs[shard], self._signs[shard] = uuid4(), ("", sharding.time.monotonic())
        self._begun.discard(shard)
        self.client.states[self.runs[shard]] = Pending()


@pytest.fixture
def shards(home):
    """Two shards of a run, each submitted once."""
    judge, lease = SimpleNamespace(judge_id="abc"), SimpleNamespace(token="t")
    RUNS["lead"] = SimpleNamespace(home=home, identity=judge, lease=lease)
    found = Submitted(Client(), "lead", {}, 2)
    for shard in range(2):
        found.submit(shard)
    yield found
    del RUNS["lead"]


def end(shards, shard, state, *words):
    """Let a shard's run end, with a word of how or without one."""
    for error in words:
        note_outcome(shards.led.home.artifacts, shards.names[shard], str(shards.runs[shard]), error)
    shards.client.states[shards.runs[shard]] = state


def test_shards_that_ended_are_taken_with_what_stopped_them(shards):
    end(shards, 0, Completed(), None)
    end(shards, 1, Completed(), EndpointError("Wrong key."))
    shards.look()
    assert shards.outcomes[0].result() is None
    with pytest.raises(EndpointError, match="Wrong key"):
        shards.outcomes[1].result()


def test_a_shard_that_left_no_word_is_submitted_again_and_given_up_after_three_tries(shards):
    seen = set()
    for _ in range(sharding.MOST_TRIES):
        assert 1 not in shards.outcomes
        seen.add(shards.runs[1])
        end(shards, 1, Crashed())
        shards.look()
    assert len(seen) == sharding.MOST_TRIES
    with pytest.raises(StoppedShortError, match="several times"):
        shards.outcomes[1].result()


def test_the_word_of_a_run_that_was_given_up_is_not_its_successors(shards):
    old = str(shards.runs[1])
    end(shards, 1, Crashed())
    shards.look()
    note_outcome(shards.led.home.artifacts, shards.names[1], old, EndpointError("late"))
    end(shards, 1, Completed(), None)
    shards.look()
    assert shards.outcomes[1].result() is None


def test_a_cancelled_shard_stays_so_and_a_deleted_one_is_submitted_again(shards):
    end(shards, 0, Cancelled())
    before = shards.runs[1]
    shards.client.states[before] = None
    shards.look()
    assert shards.runs[1] != before
    with pytest.raises(StoppedShortError, match="cancelled"):
        shards.outcomes[0].result()


def test_a_shard_that_came_to_run_late_has_its_time_for_a_first_sign(shards, monkeypatch):
    begun = sharding.time.monotonic()
    for later, state, is_given_up in (
        (300, Pending(), False),  # an image is fetched
        (310, Running(), False),  # its process has only begun
        (380, Running(), False),
        (320 + sharding.GIVEN_UP_S, Running(), True),
    ):
        monkeypatch.setattr(sharding, "time", SimpleNamespace(monotonic=lambda later=later: begun + later))
        shards.client.states[shards.runs[0]] = state
        shards.look()
        assert shards.client.states[shards.runs[0]].is_crashed() == is_given_up


def test_a_shard_that_is_submitted_again_after_hours_is_waited_for_anew(shards, monkeypatch):
    begun = sharding.time.monotonic()
    monkeypatch.setattr(sharding, "time", SimpleNamespace(monotonic=lambda: begun + 5 * sharding.UNTAKEN_S))
    end(shards, 0, Completed(), None)
    end(shards, 1, Crashed())
    shards.look()
    shards.client.states[shards.runs[1]] = Scheduled()
    shards.look()
    assert 1 not in shards.outcomes


def test_a_shard_that_never_begins_or_is_never_taken_is_given_up(shards, monkeypatch):
    begun = sharding.time.monotonic()
    shards.look()
    monkeypatch.setattr(sharding, "time", SimpleNamespace(monotonic=lambda: begun + sharding.UNTAKEN_S + 1))
    shards.client.states[shards.runs[1]] = Scheduled(name="Late")
    shards.look()
    assert shards.client.states[shards.runs[0]].is_crashed()
    with pytest.raises(StoppedShortError, match="No worker took"):
        shards.outcomes[1].result()
