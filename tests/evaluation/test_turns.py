"""Which turns are evaluated."""

import polars as pl
import pytest

from tasks.config import EvaluationConfig
from tasks.errors import ConfigError
from tasks.evaluation import pick_held_out, pick_turns


def test_the_order_of_rows_does_not_change_which_turns_are_picked(turns):
    picked = pick_turns(turns, 5, seed=0)
    assert pick_turns(turns.reverse(), 5, seed=0).equals(picked)
    assert pick_turns(picked, 5, seed=0).equals(picked)


def test_fewer_turns_are_the_beginning_of_more(turns):
    assert pick_turns(turns, 3, seed=1).equals(pick_turns(turns, None, seed=1).head(3))


def test_another_seed_picks_other_turns(turns):
    orders = {tuple(pick_turns(turns, None, seed)["turn_key"]) for seed in range(5)}
    assert len(orders) == 5


def test_turns_of_one_text_are_both_kept_in_a_fixed_order(turns):
    twins = pl.concat([turns.head(1), turns.head(1).with_columns(dialogue_id=pl.lit("a"))])
    assert pick_turns(twins, None, 0)["dialogue_id"].to_list() == ["a", "d0"]


def test_auto_is_test_and_valid_where_there_is_no_test(turns):
    auto = EvaluationConfig()
    assert set(pick_held_out(turns, auto)["split"]) == {"test"}
    assert set(pick_held_out(turns.filter(pl.col("split") != "test"), auto)["split"]) == {"valid"}


def test_training_turns_are_never_evaluated_on(turns):
    with pytest.raises(ConfigError, match="split test or valid"):
        pick_held_out(turns.with_columns(split=pl.lit("train")), EvaluationConfig())
