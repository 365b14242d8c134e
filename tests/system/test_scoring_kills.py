"""Twenty kills of one run of scoring, at random moments; `make test` has five."""

import pytest

from tests.scoring.killing import kill_and_finish, kill_target

__all__ = ["kill_target"]  # a fixture

pytestmark = [pytest.mark.system, pytest.mark.long]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [20, 21])
def test_a_run_that_is_killed_twenty_times_ends_with_every_score(kill_target, seed):
    home, server, environment = kill_target
    kill_and_finish(home, server, environment, n_kills=20, seed=seed)
