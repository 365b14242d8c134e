"""The forecast holds what then happens, and says when it is only a guess."""

import numpy as np
import polars as pl
import pytest

from tasks.config import ScoringConfig
from tasks.scoring import JudgeIdentity, Plan, commit_segments, load_rubric
from tasks.scoring.ledger.forecast import forecast_cost, predict_total
from tasks.scoring.ledger.journal import Attempt, SegmentWriter
from tasks.scoring.ledger.pricing import Price

GOOD = "Rationality: 3\nSensibility: 8"
MINI = Price(input=0.15, cached=0.075, output=0.60)
SCORING = ScoringConfig(max_concurrency=10)
JUDGE = JudgeIdentity(
    "id", "gpt", "openai", "x", "gpt-4o-mini", "paper", load_rubric("paper"), {"temperature": 0.0}
)  # fmt: skip
SAMPLER = JudgeIdentity("id", "gpt", "openai", "x", "gpt", "paper", JUDGE.rubric_text, {"n_samples": 4})


def turns(lengths):
    """Turns whose prompt and response have so many characters in two lines, by key."""
    return pl.DataFrame(
        {
            "chunk": 0,
            "turn_key": [f"t{number}" for number in range(len(lengths))],
            "prompt": [[{"role": "user", "content": "é" * (length - 10 - 5)}] for length in lengths],
            "response": "Hello",
        },
        schema_overrides={"prompt": pl.List(pl.Struct({"role": pl.String, "content": pl.String}))},
    )


def plan_of(tmp_path, lengths):
    path = tmp_path / "plan.parquet"
    turns(lengths).write_parquet(path)
    return Plan(path=path, n_turns=len(lengths), n_chunks=1)


def attempt(number, tokens_in=None, tokens_out=None, error_class=None, latency_s=0.5, **values):
    reply = GOOD if error_class is None else None
    return Attempt(
        f"t{number}", "r", float(number), latency_s, reply=reply, error_class=error_class, tokens_in=tokens_in,
        tokens_out=tokens_out, **values,
    )  # fmt: skip


def remember(tables, tmp_path, lengths, attempts, judge=JUDGE):
    """Put turns and what was asked about them into the ledger."""
    rows = turns(lengths).to_arrow()  # noqa: F841 - DuckDB reads it by its name
    tables.execute("INSERT INTO turns SELECT 'd', i, turn_key, 'train', '', prompt, response FROM "
                   "(SELECT *, row_number() OVER () AS i FROM rows)")  # fmt: skip
    with SegmentWriter(tmp_path / "journal", "run") as writer:
        writer.append(*attempts)
    commit_segments(tables, tmp_path / "journal", judge)


def test_tokens_and_cost_follow_the_characters_of_the_pending_prompts(tables, tmp_path):
    lengths = range(100, 400, 10)
    remember(tables, tmp_path, lengths, [attempt(i, 250 + n // 10 * 3, 20) for i, n in enumerate(lengths)])
    plan = plan_of(tmp_path, [600] * 1000)
    forecast = forecast_cost(tables, JUDGE, plan, MINI, SCORING)
    assert (forecast.is_measured, forecast.n_measured_turns, forecast.n_turns) == (True, 30, 1000)
    assert (forecast.tokens_in, forecast.tokens_out) == (430_000, 20_000)
    assert forecast.cost_usd == pytest.approx(0.43 * 0.15 + 0.02 * 0.60)
    assert forecast.cost_low_usd < forecast.cost_usd < forecast.cost_high_usd < 1.3 * forecast.cost_usd
    assert forecast.notes == ()


def test_cached_tokens_and_the_batch_api_make_it_cheaper(tables, tmp_path):
    remember(tables, tmp_path, [100] * 20, [attempt(i, 400, 20, tokens_cached=200) for i in range(20)])
    plan = plan_of(tmp_path, [100] * 1000)
    online = forecast_cost(tables, JUDGE, plan, MINI, SCORING)
    batch = forecast_cost(tables, JUDGE, plan, MINI, SCORING, is_batch=True)
    assert online.cost_usd == pytest.approx(0.2 * 0.15 + 0.2 * 0.075 + 0.02 * 0.60)
    assert batch.cost_usd == pytest.approx(online.cost_usd / 2)
    assert (batch.seconds, batch.binding_limit, batch.notes) == (None, None, ("A batch is answered within 24 hours.",))


def test_re_asks_failures_and_turns_that_get_no_score_are_paid_for_too(tables, tmp_path):
    calls = [attempt(i, 400, 20) for i in range(20)]
    calls += [attempt(20, 400, 10, "refusal"), attempt(20, 450, 10, "refusal"), attempt(3, error_class="rate_limit")]
    calls += [attempt(21, error_class="timeout")]
    remember(tables, tmp_path, [100] * 22, calls)
    forecast = forecast_cost(tables, JUDGE, plan_of(tmp_path, [100] * 210), MINI, SCORING)
    assert forecast.n_measured_turns == 21
    assert forecast.calls_per_turn == pytest.approx(23 / 21)
    assert (forecast.n_calls, forecast.tokens_in, forecast.tokens_out) == (230, 88_500, 4_200)


@pytest.mark.parametrize(
    ("limits", "seconds", "limit"),
    [
        ({"max_concurrency": 10}, 50, "max_concurrency"),
        ({"max_concurrency": 2000}, 0.5, "max_concurrency"),
        ({"max_concurrency": 10, "requests_per_minute": 600}, 100, "requests_per_minute"),
        ({"max_concurrency": 10, "requests_per_minute": 600, "tokens_per_minute": 21_000}, 1200, "tokens_per_minute"),
        ({"max_concurrency": 1, "requests_per_minute": 600, "tokens_per_minute": 10**6}, 500, "max_concurrency"),
    ],
)
def test_the_slowest_limit_makes_the_time_and_is_named(tables, tmp_path, limits, seconds, limit):
    remember(tables, tmp_path, [100] * 20, [attempt(i, 400, 20) for i in range(20)])
    forecast = forecast_cost(tables, JUDGE, plan_of(tmp_path, [100] * 1000), MINI, ScoringConfig(**limits))
    assert (forecast.seconds, forecast.binding_limit) == (pytest.approx(seconds), limit)


def test_before_twenty_turns_it_is_a_guess_that_says_so(tables, tmp_path):
    remember(tables, tmp_path, [100] * 19, [attempt(i, 400, 20) for i in range(19)])
    forecast = forecast_cost(tables, JUDGE, plan_of(tmp_path, [400] * 100), MINI, SCORING)
    assert (forecast.is_measured, forecast.n_calls, forecast.tokens_out) == (False, 100, 6_400)
    assert 100 * 400 / 4 < forecast.tokens_in < 100 * 4000 / 4
    assert forecast.cost_low_usd == MINI.cost_of(forecast.tokens_in, 0, 0)
    assert forecast.cost_usd == forecast.cost_high_usd == MINI.cost_of(forecast.tokens_in, 0, 6_400)
    assert (forecast.seconds, forecast.binding_limit) == (None, None)
    assert "--pilot" in forecast.notes[0]


def test_a_guess_counts_every_sample_and_keeps_the_limit_that_was_given(tables, tmp_path):
    scoring = ScoringConfig(requests_per_minute=60)
    forecast = forecast_cost(tables, SAMPLER, plan_of(tmp_path, [400] * 100), MINI, scoring)
    assert forecast.tokens_out == 100 * 64 * 4
    assert (forecast.seconds, forecast.binding_limit) == (100, "requests_per_minute")


def test_an_endpoint_that_tells_no_usage_is_not_sent_to_the_pilot(tables, tmp_path):
    remember(tables, tmp_path, [100] * 30, [attempt(i) for i in range(30)])
    forecast = forecast_cost(tables, JUDGE, plan_of(tmp_path, [100] * 10), MINI, SCORING)
    assert (forecast.is_measured, "does not say" in forecast.notes[0]) == (False, True)


def test_without_a_price_the_cost_is_unknown_and_the_tokens_are_not(tables, tmp_path):
    guess = forecast_cost(tables, JUDGE, plan_of(tmp_path, [100] * 10), None, SCORING)
    remember(tables, tmp_path, [100] * 20, [attempt(i, 400, 20) for i in range(20)])
    measured = forecast_cost(tables, JUDGE, plan_of(tmp_path, [100] * 10), None, SCORING)
    for forecast in (guess, measured):
        assert (forecast.cost_usd, forecast.cost_low_usd, forecast.cost_high_usd) == (None, None, None)
        assert "gpt-4o-mini" in forecast.notes[-1]
    assert measured.tokens_in == 4_000


def test_nothing_pending_takes_nothing(tables, tmp_path):
    for is_measured in (False, True):
        forecast = forecast_cost(tables, JUDGE, plan_of(tmp_path, []), MINI, SCORING)
        assert (forecast.is_measured, forecast.n_calls, forecast.tokens_in, forecast.tokens_out) == (
            is_measured,
            0,
            0,
            0,
        )
        assert (forecast.cost_usd, forecast.cost_high_usd, forecast.seconds or 0) == (0, 0, 0)
        if not is_measured:
            remember(tables, tmp_path, [100] * 20, [attempt(i, 400, 20) for i in range(20)])


def test_a_judge_that_asks_nobody_costs_nothing(tables, tmp_path):
    judge = JudgeIdentity("id", "distilled", "distilled", "", "distilled", "", "", {})
    forecast = forecast_cost(tables, judge, plan_of(tmp_path, [100] * 10), None, SCORING)
    assert (forecast.n_turns, forecast.n_calls, forecast.cost_usd, forecast.cost_high_usd) == (10, 0, 0, 0)


def draw_turns(rng, n, reask_rate):
    """Characters and cost (micro-dollars) of turns whose prompts differ in length and of which some are asked again."""
    characters = rng.lognormal(5.5, 0.5, n)
    n_calls = 1 + rng.binomial(2, reask_rate, n)
    tokens_in = n_calls * (250 + characters * 0.25 * rng.normal(1, 0.05, n))
    return characters, 0.15 * tokens_in + 0.60 * n_calls * rng.poisson(20, n)


@pytest.mark.parametrize("reask_rate", [0, 0.04])
@pytest.mark.parametrize("n_seen", [20, 50, 500])
@pytest.mark.parametrize("n_new", [50, 20_000])
def test_the_interval_holds_the_cost_as_often_as_it_says(reask_rate, n_seen, n_new):
    rng = np.random.default_rng(7)
    n_held = 0
    for _ in range(200):
        given, seen = draw_turns(rng, n_seen, reask_rate)
        given_new, new = draw_turns(rng, n_new, reask_rate)
        total, half = predict_total(given, seen, n_new, given_new.sum())
        n_held += abs(new.sum() - total) <= half
    assert n_held >= 0.92 * 200


def test_the_interval_narrows_with_what_was_seen():
    rng = np.random.default_rng(7)
    widths = []
    for n_seen in (20, 200, 2000):
        given, seen = draw_turns(rng, n_seen, 0.04)
        total, half = predict_total(given, seen, 20_000, 20_000 * given.mean())
        widths.append(half / total)
    assert widths[0] > 2 * widths[1] > 4 * widths[2]
    assert widths[2] < 0.02


def test_turns_of_one_length_are_forecast_by_their_mean():
    total, half = predict_total([100.0] * 20, [2.0, 4.0] * 10, 10, 1500.0)
    assert total == 30
    assert 5 < half < 15
