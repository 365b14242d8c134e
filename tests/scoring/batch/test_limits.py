"""How much may be submitted: in one batch, out of one budget, and while the endpoint's queue is full."""

import pytest

from tasks.errors import StoppedShortError


@pytest.mark.parametrize("limits", [{"most_requests": 4}, {"most_bytes": 6000}])
def test_a_chunk_is_split_at_the_limits_of_a_batch(batch_server, point_at, make_corpus, score, limits):
    server = batch_server()
    home = point_at(server)
    make_corpus(home, 10)
    assert score(home, limits=limits)["coverage"].n_scored == 10
    sizes = [len(server.files[name].splitlines()) for name in server.uploads]
    assert (sum(sizes), len(set(server.turns))) == (10, 10)
    if "most_requests" in limits:
        assert sizes == [4, 4, 2]
    else:
        assert len(sizes) > 1
        assert max(len(server.files[name]) for name in server.uploads) <= 6000


def test_only_what_fits_the_budget_is_submitted(batch_server, point_at, make_corpus, score, read_ledger):
    server = batch_server()
    home = point_at(server)
    make_corpus(home, 40)
    result = score(home, max_cost_usd=0.0002)
    spent = sum(row["cost_usd"] for row in read_ledger(home)["attempts"])
    assert isinstance(result["failure"], StoppedShortError)
    assert 0 < spent <= 0.0002
    assert 0 < result["coverage"].n_scored < 40
    assert len(server.turns) == result["coverage"].n_scored
    n_runs = 1
    while isinstance(result["failure"], StoppedShortError):
        n_runs += 1
        assert n_runs < 20
        result = score(home, f"run-{n_runs}", max_cost_usd=0.0002)
    assert sorted(server.turns) == sorted(set(server.turns))
    assert result["coverage"].n_scored == 40


def test_a_full_queue_is_waited_for_and_a_batch_too_large_for_it_split(batch_server, point_at, make_corpus, score):
    server = batch_server(most_waiting=6)
    home = point_at(server)
    make_corpus(home, 20)
    result = score(home, limits={"most_requests": 10})
    assert (result["failure"], result["coverage"].n_scored) == (None, 20)
    assert sorted(server.turns) == sorted(set(server.turns))


def test_a_queue_that_never_has_room_ends_the_run_in_a_way_that_running_again_mends(
    batch_server, point_at, make_corpus, score
):
    server = batch_server(most_waiting=0)
    home = point_at(server)
    make_corpus(home, 4)
    result = score(home)
    assert isinstance(result["failure"], StoppedShortError)
    assert "queue" in str(result["failure"])
    server.most_waiting = 100
    assert score(home, "again")["coverage"].n_scored == 4
