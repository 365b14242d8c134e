"""A budget is never overdrawn, is used up to the last call that fits, and the next run goes on."""

import pytest

from tasks.errors import ConfigError, StoppedShortError
from tests.scoring.completions import count_tokens
from tests.scoring.engine.conftest import LLM
from tests.scoring.looking import ask_tables, count_attempts

PRICE = (100.0, 400.0)  # USD a million tokens, in and out: about 5 cents a call
MOST_OUT = 64  # of the rubric `paper`


def spend(home):
    """The cost of all attempts, each run's by itself."""
    rows = ask_tables(home, "SELECT regexp_extract(segment, '^run[0-9]*'), sum(cost_usd) FROM attempts GROUP BY ALL")
    return dict(rows)


def worst_call(server, most_out):
    """The most that one call can cost: a tenth more of a prompt than we know of, and every reply at its longest."""
    tokens_in = max(count_tokens(call.body) for call in server.calls)
    return (1.1 * tokens_in * PRICE[0] + most_out * PRICE[1]) / 1e6


@pytest.mark.parametrize(
    ("judge", "budget", "most_out"),
    [({}, 1.0, 64), ({"method": "samples", "n_samples": 5}, 2.5, 5 * 64), ({"rubric": "anchored"}, 2.5, 300)],
)
def test_a_run_stops_at_the_last_call_that_fits_and_the_next_goes_on(
    fault_server, point_at, run, judge, budget, most_out
):
    """The replies are as long as they may be: nothing is saved on what was set aside for them."""
    server = fault_server(tokens_out=MOST_OUT, delay_s=0.01, spread=2)
    home, name, told = point_at(server, price=PRICE), "run0", set()
    for number in range(30):
        name = f"run{number}"
        try:
            result = run(home, 40, name, judge=judge, max_cost_usd=budget, max_concurrency=6)
            break
        except StoppedShortError as stopped:
            told.add((stopped.exit_code, f"of {budget} USD" in stopped.what))
    assert result.coverage.n_scored == 40
    assert len(server.calls) == 40
    assert told == {(3, True)}
    spent = spend(home)
    assert len(spent) > 1
    assert max(spent.values()) <= budget
    assert min(usd for each, usd in spent.items() if each != name) > budget - worst_call(server, most_out)


def test_texts_that_cost_more_tokens_do_not_overdraw_it(fault_server, point_at, score_corpus, tmp_path, ingest_file,
                                                        write_dialogues):  # fmt: skip
    """A sign beyond ASCII takes several tokens."""
    words = ["I won!", "Alles gut. " * 30, "わたしは元気です。" * 40, "🎉🥳" * 60, "Ok."]
    turns = {f"d{n}": (f"{n} {words[n % 5]}", f"{words[n * 3 % 5]} {n}") for n in range(40)}
    server = fault_server(tokens_out=MOST_OUT)
    home = point_at(server, price=PRICE)
    corpus = [ingest_file(home, write_dialogues(tmp_path / "d.jsonl", turns))]
    with pytest.raises(StoppedShortError):
        score_corpus(home, corpus, LLM, "run", max_cost_usd=1.5, max_concurrency=6)
    with pytest.raises(StoppedShortError):  # merges what the first left in the journal, and cannot pay for a call
        score_corpus(home, corpus, LLM, "none", max_cost_usd=0.0001)
    assert 1.5 - 0.3 < spend(home)["run"] <= 1.5


def test_calls_that_nobody_knows_to_be_charged_count_for_the_most_they_may_cost(
    fault_server, point_at, run, quick_backoff
):
    server = fault_server(rates={"hang": 0.3, "server": 0.2, "drop": 0.2}, seed=2, tokens_out=MOST_OUT)
    home = point_at(server, price=PRICE)
    with pytest.raises(StoppedShortError):
        run(home, 60, max_cost_usd=1.0, timeout_s=0.3)
    with pytest.raises(StoppedShortError):
        run(home, 60, "none", max_cost_usd=0.0001)
    met, unknown = server.count_faults(), ask_tables(home, "SELECT count(*) FROM attempts WHERE cost_usd IS NULL")
    assert unknown == [(met["hang"] + met["drop"],)]
    assert spend(home)["run"] + (met["hang"] + met["drop"]) * 0.04 <= 1.0


def test_the_ledger_has_the_cost_of_every_call(fault_server, point_at, run, quick_backoff):
    """What its tokens cost at the prices of the day; 0 for errors that the endpoint tells; unknown for the others."""
    server = fault_server(rates={"server": 0.2, "rate_limit": 0.2, "hang": 0.1, "malformed": 0.1}, seed=5)
    home = point_at(server, price=PRICE)
    run(home, 40, timeout_s=0.3)
    usd = "abs(cost_usd - (tokens_in * 100 + tokens_out * 400) / 1e6) < 1e-12"
    rows = ask_tables(home, f"SELECT DISTINCT error_class, cost_usd = 0, cost_usd IS NULL, {usd} FROM attempts")
    assert set(rows) == {
        (None, False, False, True), ("unparseable", False, False, True), ("server", True, False, None),
        ("rate_limit", True, False, None), ("timeout", None, True, None),
    }  # fmt: skip


def test_a_model_without_a_price_costs_nobody_knows_what_and_that_is_told_once(fault_server, point_at, run, notices):
    server = fault_server(rates={"server": 0.2}, seed=1)
    home = point_at(server)
    run(home, 30, chunk_size=5)
    costs = ask_tables(home, "SELECT DISTINCT error_class, cost_usd FROM attempts")
    assert set(costs) == {(None, None), ("server", 0.0)}
    assert len([text for text in notices() if "No price is known for the model judge-2026" in text]) == 1


def test_a_budget_without_a_price_is_refused_before_anything_is_asked(fault_server, point_at, run):
    server = fault_server()
    with pytest.raises(ConfigError, match="A budget needs a price") as caught:
        run(point_at(server), 3, max_cost_usd=1.0)
    assert "prices.toml" in caught.value.do
    assert server.calls == []


def test_a_budget_that_is_enough_is_no_reason_to_stop(fault_server, point_at, run):
    server = fault_server(rates={"rate_limit": 0.2}, seed=1, retry_after="0.01")
    home = point_at(server, price=PRICE)
    assert run(home, 30, max_cost_usd=50.0).coverage.n_scored == 30
    assert count_attempts(home)[""] == 30
