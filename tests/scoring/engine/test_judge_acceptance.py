"""Two thousand turns against an endpoint in which everything goes wrong at once."""

import time

from tests.scoring.looking import ask_tables, count_attempts, read_scores

RATES = {"rate_limit": 0.10, "server": 0.05, "malformed": 0.03, "drop": 0.02, "hang": 0.01, "refusal": 0.01}
REPLIES = ("", "malformed", "refusal")
MOST_S = 150
"""A bound for a busy machine; an idle one of two cores takes 20 s."""


def test_of_2000_turns_under_every_fault_each_that_can_be_scored_is(fault_server, point_at, run):
    server = fault_server(rates=RATES, seed=1, retry_after="1")
    home, started = point_at(server), time.monotonic()
    result = run(home, 2000, chunk_size=2000, max_concurrency=100, timeout_s=1.0)
    assert time.monotonic() - started < MOST_S

    found = read_scores(home)
    assert len(found) == 2000
    for turn, faults in server.faults_of_turn.items():
        reason = {"malformed": "unparseable"}.get(faults[-1], faults[-1])
        assert found[turn] == (reason or server.scores_of(turn)), faults
        replies = [fault for fault in faults if fault in REPLIES]
        assert faults[-1] == "" or len(replies) == 3 or len(faults) - len(replies) == 6, faults
    n_with_score = sum(isinstance(value, tuple) for value in found.values())
    assert result.coverage.n_scored == n_with_score >= 1990
    assert set(result.coverage.unscored) <= {"unparseable", "refusal"}

    assert server.early == []
    met = server.count_faults()
    assert count_attempts(home) == {
        "": met[""], "rate_limit": met["rate_limit"], "server": met["server"], "unparseable": met["malformed"],
        "connection": met["drop"], "timeout": met["hang"], "refusal": met["refusal"],
    }  # fmt: skip
    assert min(met.values()) >= 10, "the seed must give some of each"
    assert server.most_in_flight <= 100
    per_call = ask_tables(home, "SELECT max(n) FROM (SELECT count(*) AS n FROM attempts GROUP BY segment, line)")
    assert per_call == [(1,)]
