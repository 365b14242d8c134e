"""A call costs what the table says, or its cost is not known."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config import JudgeConfig
from tasks.errors import ConfigError
from tasks.scoring.ledger.pricing import Price, PriceTable, load_prices

MINI = Price(input=0.15, cached=0.075, output=0.60)
TOKENS = st.integers(0, 10**9)
USD = st.decimals(0, 1000, places=4)


@st.composite
def prices(draw):
    full = draw(USD)
    cached = draw(st.none() | st.decimals(0, full, places=4))
    return Price(input=full, cached=cached, output=draw(USD), batch=draw(st.decimals(0, 1, places=2)))


@st.composite
def usages(draw):
    tokens_in = draw(TOKENS)
    return tokens_in, draw(st.integers(0, tokens_in)), draw(TOKENS)


def load_own(tmp_path, text):
    path = tmp_path / "prices.toml"
    path.write_bytes(text.encode("latin-1"))
    return load_prices(path)


def test_the_default_judge_costs_what_its_endpoint_charges(tmp_path):
    table = load_prices(tmp_path / "none.toml")
    price = table.find(JudgeConfig().model)
    assert price == MINI
    assert price.cost_of(1_000_000, 0, 1_000_000) == 0.75
    assert price.cost_of(400, 0, 20) == 0.000072
    assert table.as_of > date(2026, 1, 1)
    assert table.source.startswith("https://")


def test_every_shipped_price_is_one_of_a_paid_model(tmp_path):
    models = load_prices(tmp_path / "none.toml").models
    assert len(models) == 15
    assert all(0 < price.input < price.output for price in models.values())


def test_cached_tokens_are_part_of_those_that_went_in_and_are_charged_once():
    assert MINI.cost_of(1_000_000, 400_000, 0) == 0.6 * 0.15 + 0.4 * 0.075
    assert MINI.cost_of(1_000_000, 1_000_000, 0) == 0.075
    assert MINI.cost_of(1_000_000, 2_000_000, 0) == 0.075


def test_without_a_price_of_their_own_cached_tokens_cost_what_others_do():
    assert Price(input=5, output=15).cost_of(1_000_000, 400_000, 0) == 5


def test_the_batch_api_takes_its_factor_of_everything():
    assert MINI.cost_of(1_000_000, 400_000, 1_000_000, is_batch=True) == 0.36
    assert Price(input=1, output=1, batch=0.25).cost_of(1_000_000, 0, 0, is_batch=True) == 0.25


@pytest.mark.parametrize("usage", [(None, 0, 20), (400, 0, None), (None, None, None)])
def test_a_call_whose_usage_is_not_known_has_no_cost(usage):
    assert MINI.cost_of(*usage) is None


def test_an_endpoint_that_does_not_speak_of_its_cache_has_none():
    assert MINI.cost_of(400, None, 20) == MINI.cost_of(400, 0, 20)


@given(prices(), usages(), usages(), st.booleans())
def test_the_cost_of_two_calls_is_the_sum_of_their_costs(price, one, other, is_batch):
    both = [mine + yours for mine, yours in zip(one, other, strict=True)]
    apart = price.cost_of(*one, is_batch=is_batch) + price.cost_of(*other, is_batch=is_batch)
    assert price.cost_of(*both, is_batch=is_batch) == pytest.approx(apart, rel=1e-15)


@given(prices(), usages(), usages())
def test_more_tokens_never_cost_less_and_cached_ones_never_more(price, usage, more):
    cost = price.cost_of(*usage)
    assert 0 <= cost <= price.cost_of(usage[0] + more[0], usage[1], usage[2] + more[2])
    assert price.cost_of(*usage, is_batch=True) <= cost <= price.cost_of(usage[0], 0, usage[2])


@pytest.mark.parametrize(
    ("model", "is_known"),
    [
        ("gpt-4o-mini", True),
        ("gpt-4o-mini-2024-07-18", True),
        ("gpt-4o-mini-20240718", True),
        ("gpt-4o-mini-2024-0718", False),
        ("gpt-4o-mini-2024-13-18", False),
        ("gpt-4o-mini-audio-preview", False),
        ("gpt-4o-mini-", False),
        ("gpt-4", False),
        ("-2024-07-18", False),
        ("", False),
    ],
)
def test_a_dated_version_has_the_price_of_its_name_and_no_other_is_guessed(model, is_known):
    table = PriceTable(models={"gpt-4o-mini": MINI})
    assert table.find(model) == (MINI if is_known else None)


def test_a_dated_version_with_a_price_of_its_own_has_that(tmp_path):
    table = load_prices(tmp_path / "none.toml")
    assert table.find("gpt-4o-2024-05-13").input == 5
    assert table.find("gpt-4o-2024-08-06").input == 2.5


def test_the_users_own_prices_win_and_the_others_stay(tmp_path):
    table = load_own(
        tmp_path, '[models]\n"gpt-4o-mini" = { input = 1, output = 2 }\n"mine" = { input = 0, output = 0 }\n'
    )
    assert table.find("gpt-4o-mini").cost_of(1_000_000, 500_000, 1_000_000) == 3
    assert table.find("mine").cost_of(5, 0, 5) == 0
    assert table.find("gpt-4o").output == 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[models]\n"gpt-4.1" = { input = -1, output = 1 }', "models.gpt-4.1.input"),
        ('[models]\n"gpt-4.1" = { input = nan, output = 1 }', "models.gpt-4.1.input"),
        ('[models]\n"gpt-4.1" = { input = true, output = 1 }', "models.gpt-4.1.input"),
        ('[models]\n"gpt-4.1" = { input = "2", output = 1 }', "models.gpt-4.1.input"),
        ('[models]\n"gpt-4.1" = { input = 2, output = 1, batch = 2 }', "models.gpt-4.1.batch"),
        ('[models]\n"gpt-4.1" = { input = 2, output = 1, cache = 2 }', "models.gpt-4.1.cache"),
        ('[models]\n"gpt-4.1" = { input = 2, output = 1, cached = 3 }', "cached=3 is above input=2"),
        ('[models]\n"gpt-4.1" = { input = 2 }', "models.gpt-4.1.output"),
        ('"gpt-4.1" = { input = 2, output = 8 }', "gpt-4.1"),
        ("models = 3", "models"),
        ("gpt-4.1: 2", "not TOML"),
        ("as_of = 2026-10-27 # \xff", "not TOML"),
    ],
)
def test_a_wrong_file_of_prices_is_told_with_its_model_and_field(tmp_path, text, said):
    with pytest.raises(ConfigError) as caught:
        load_own(tmp_path, text)
    assert said in caught.value.what
    assert caught.value.where == str(tmp_path / "prices.toml")


def test_prices_that_cannot_be_read_are_told(tmp_path):
    (tmp_path / "prices.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_prices(tmp_path / "prices.toml")
