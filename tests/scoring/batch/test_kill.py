"""`kill -9` at each step of a batch: the rerun pays for nothing twice and scores every turn."""

import os
import signal
from pathlib import Path

import pytest

from tasks.config import JudgeConfig
from tasks.errors import EndpointError, StoppedShortError
from tasks.scoring.ledger.journal import list_segments

N_TURNS = 12


@pytest.fixture
def kill_at(batch_server, point_at, make_corpus, start_driver):
    """Run against a server that stalls at a step, and kill the run there."""

    def kill(step, n=1, scoring=None, **options):
        server = batch_server(**options)
        home = point_at(server)
        make_corpus(home, N_TURNS)
        if step in ("upload", "create", "look", "output", "error"):
            server.stalls.add(step)
        process = start_driver(home, server, **(scoring or {}))
        server.wait_for(step, n)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        server.stalls.clear()
        return server, home

    return kill


def assert_paid_once(server, home, score, read_ledger, n_attempts=N_TURNS):
    result = score(home, "again")
    ledger = read_ledger(home)
    assert (result["failure"], result["coverage"].n_scored) == (None, N_TURNS)
    assert ledger["scores"] == {key: server.scores_of(key) for key in server.turns}
    assert len(ledger["attempts"]) == len(server.turns) == n_attempts
    n_uploads = len(server.uploads)
    assert score(home, "third")["failure"] is None
    assert (len(server.uploads), len(server.turns)) == (n_uploads, n_attempts)
    return result


def test_killed_before_its_file_s_id_is_kept_a_part_is_written_anew(kill_at, score, read_ledger):
    server, home = kill_at("upload")
    assert server.batches == {}
    assert_paid_once(server, home, score, read_ledger)
    assert (len(server.uploads), len(server.batches)) == (2, 1)


def test_killed_between_creating_a_batch_and_keeping_its_id(kill_at, score, read_ledger):
    server, home = kill_at("create")
    assert_paid_once(server, home, score, read_ledger)
    assert (len(server.uploads), len(server.batches)) == (1, 1)


def test_the_batch_of_a_killed_run_is_found_among_many(kill_at, score, read_ledger):
    server, home = kill_at("create")
    for number in range(7):
        server.batches[f"other_{number}"] = {**server.batches["batch_0"], "id": f"other_{number}",
                                             "input_file_id": f"other-{number}"}  # fmt: skip
    assert_paid_once(server, home, score, read_ledger)
    assert len(server.uploads) == 1


def test_killed_while_polling(kill_at, score, read_ledger):
    server, home = kill_at("look", n_looks=2)
    assert_paid_once(server, home, score, read_ledger)
    assert (len(server.uploads), len(server.batches)) == (1, 1)


def test_killed_while_downloading(kill_at, score, read_ledger):
    server, home = kill_at("output")
    assert_paid_once(server, home, score, read_ledger)
    assert len(server.batches) == 1


def test_killed_when_half_of_the_results_are_journalled(kill_at, score, read_ledger):
    server, home = kill_at("error", endings=["expired"])
    (folder,) = home.settings.journal_dir.iterdir()
    segments = [path.name for path in list_segments(folder)]
    assert len(segments) == 1
    assert segments[0].startswith("batch-batch_0-")
    assert_paid_once(server, home, score, read_ledger, n_attempts=N_TURNS + N_TURNS // 2)
    assert len(server.batches) == 2


def test_what_was_useless_in_a_batch_of_a_killed_run_is_told_and_asked_again(
    batch_server, point_at, make_corpus, start_driver, score, read_ledger
):
    server = batch_server(rates={"malformed": 1.0}, n_looks=3)
    home = point_at(server)
    make_corpus(home, N_TURNS)
    process = start_driver(home, server)
    server.wait_for("look", 1)
    server.stalls.add("upload")
    server.wait_for("upload", 2)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    server.stalls.clear()
    server.rates.clear()
    assert score(home, "again")["coverage"].n_scored == N_TURNS
    assert len(server.turns) == 2 * N_TURNS
    told = ["could not be used" in line["body"]["messages"][1]["content"] for line in server.asked]
    assert told == [False] * N_TURNS + [True] * N_TURNS
    assert read_ledger(home)["classes"] == {"unparseable": N_TURNS, "": N_TURNS}


def test_fresh_turns_that_were_never_submitted_are_for_the_next_plan_to_ask(kill_at, score):
    server, home = kill_at("upload")
    result = score(home, "again", limit=3)
    assert (result["coverage"].n_scored, len(server.turns)) == (3, 3)


def test_a_live_run_takes_what_has_ended_and_does_not_ask_for_what_is_under_way(kill_at, score, read_ledger):
    server, home = kill_at("look", n_looks=4)
    live = JudgeConfig(kind="openai", model="gpt-4o-mini", endpoint_alias="here")
    result = score(home, "live", live)
    assert isinstance(result["failure"], StoppedShortError)
    assert f"{N_TURNS} turns" in str(result["failure"])
    server.batches["batch_0"]["left"] = 0
    result = score(home, "later", live)
    assert (result["failure"], result["coverage"].n_scored, len(server.turns)) == (None, N_TURNS, N_TURNS)


def test_another_run_may_not_submit_while_one_polls(batch_server, point_at, make_corpus, start_driver, tmp_path):
    server = batch_server(n_looks=10**6)
    home = point_at(server)
    make_corpus(home, N_TURNS)
    start_driver(home, server)
    server.wait_for("look", 3)
    second = start_driver(home, server)
    assert second.wait(60) == 1
    assert "LeaseHeldError" in (tmp_path / "driver-1.log").read_text()
    assert len(server.uploads) == 1


def test_a_batch_that_the_endpoint_lost_is_not_paid_for_again_unless_told(kill_at, score):
    server, home = kill_at("look", n_looks=2)
    server.batches.clear()
    result = score(home, "again")
    assert isinstance(result["failure"], EndpointError)
    state = Path(result["failure"].where)
    assert (state.is_file(), len(server.turns)) == (True, N_TURNS)
    state.unlink()
    assert score(home, "told")["coverage"].n_scored == N_TURNS
