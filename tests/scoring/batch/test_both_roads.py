"""A turn that one road left to be asked again is asked by one road only."""

import os
import signal

from tasks.config import JudgeConfig

N_TURNS = 12


def test_a_question_that_a_batch_left_and_a_live_run_answered_is_not_asked_by_the_next_batch(
    batch_server, fault_server, point_at, make_corpus, start_driver, score
):
    server = batch_server(rates={"malformed": 1.0}, n_looks=3)
    home = point_at(server)
    make_corpus(home, N_TURNS)
    process = start_driver(home, server)
    server.wait_for("look", 1)
    server.stalls.add("upload")
    server.wait_for("upload", 2)  # it is about to ask again
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    server.stalls.clear()
    server.rates.clear()

    live_server = fault_server()
    live = score(point_at(live_server), "live", JudgeConfig(kind="openai", model="gpt-4o-mini", endpoint_alias="here"))
    assert (live["failure"], live["coverage"].n_scored, len(live_server.calls)) == (None, N_TURNS, N_TURNS)

    n_paid = len(server.turns)
    again = score(point_at(server), "batch again")
    assert (again["failure"], again["coverage"].n_scored) == (None, N_TURNS)
    assert len(server.turns) == n_paid
