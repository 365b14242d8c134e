"""`kill -9` at any moment: what had arrived is used, and at most the calls in flight are made again."""

from tests.scoring.killing import kill_and_finish


def test_a_run_that_is_killed_five_times_ends_with_every_score_and_repeats_only_calls_in_flight(kill_target):
    home, server, environment = kill_target
    kill_and_finish(home, server, environment, n_kills=5, seed=5)
