"""What a distilled judge and a calibration learn from, and under which recipe."""

import polars as pl

from tasks.judges.tasks import leave_out_test


def test_the_split_test_decides_nothing_unless_there_is_nothing_else() -> None:
    turns = pl.DataFrame({"turn_key": ["a", "b", "c"], "split": ["train", "test", "validation"]})
    assert leave_out_test(turns)["turn_key"].to_list() == ["a", "c"]
    only_test = turns.filter(pl.col("split") == "test")
    assert leave_out_test(only_test)["turn_key"].to_list() == ["b"]
