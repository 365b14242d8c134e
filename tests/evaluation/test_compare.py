"""One system's rows, from turns to a Parquet file."""

import polars as pl
import pytest

pytestmark = pytest.mark.train
pytest.importorskip("torch")

from tasks.chat import EMPATHY_INSTRUCTION  # noqa: E402 - torch decides whether this file runs
from tasks.config import EvaluationConfig  # noqa: E402 - likewise
from tasks.errors import EmpathyError  # noqa: E402 - likewise
from tasks.evaluation import evaluate_system, pick_turns, summarise  # noqa: E402 - likewise
from tasks.evaluation.compare import RESPONSES_SCHEMA  # noqa: E402 - likewise

CONFIG = EvaluationConfig(max_turns=8, max_responses=3, max_new_tokens=6, batch_size=4, bootstrap=100)


def test_all_picked_turns_have_a_likelihood_and_the_first_ones_a_response(tiny, turns):
    rows = evaluate_system(*tiny, "base", turns, CONFIG)
    assert rows.schema == pl.Schema(RESPONSES_SCHEMA)
    assert rows["turn_key"].to_list() == pick_turns(turns, 8, 0)["turn_key"].to_list()
    assert rows["response"].is_not_null().to_list() == [True] * 3 + [False] * 5
    assert (rows["nll"] > 0).all()
    assert (rows["n_tokens"] > 0).all()


def test_the_order_of_turns_changes_nothing(tiny, turns):
    rows = evaluate_system(*tiny, "base", turns, CONFIG)
    again = evaluate_system(*tiny, "base", turns.reverse(), CONFIG)
    assert again.drop("nll").equals(rows.drop("nll"))
    assert again["nll"].to_list() == pytest.approx(rows["nll"].to_list(), rel=1e-6)


def test_the_prompted_system_is_the_base_with_an_instruction(tiny, turns):
    base = evaluate_system(*tiny, "base", turns, CONFIG)
    prompted = evaluate_system(*tiny, "prompted", turns, CONFIG, instruction=EMPATHY_INSTRUCTION)
    first = prompted["prompt"][0].to_list()
    assert first == [{"role": "system", "content": EMPATHY_INSTRUCTION}, *base["prompt"][0].to_list()]
    assert prompted["n_tokens"].to_list() == base["n_tokens"].to_list()
    assert prompted["nll"].to_list() != pytest.approx(base["nll"].to_list(), rel=1e-4)


def test_the_released_format_asks_with_one_user_message(tiny, turns):
    rows = evaluate_system(*tiny, "base", turns, CONFIG, prompt_format="released")
    assert {len(prompt) for prompt in rows["prompt"]} == {1}
    assert all(prompt[0]["content"].endswith("Listener: ") for prompt in rows["prompt"])


def test_two_systems_make_a_table(tiny, turns):
    systems = [evaluate_system(*tiny, name, turns, CONFIG) for name in ("base", "union")]
    metrics = summarise(pl.concat(systems), CONFIG)
    figures = [metrics.filter(pl.col("system") == name).drop("system") for name in ("base", "union")]
    assert figures[0].equals(figures[1])
    assert metrics.filter(pl.col("metric") == "perplexity")["n"].to_list() == [8, 8]


def test_no_turns_are_an_error_that_names_the_system(tiny, turns):
    with pytest.raises(EmpathyError, match="'base'"):
        evaluate_system(*tiny, "base", turns.clear(), CONFIG)
