"""The selection that counts, and what the page of its run says."""

import pytest

from tasks.config import SelectionConfig, SweepConfig
from tasks.errors import UsageError
from tasks.experts import find_current_subsets
from tasks.selection import keep_run, materialize, put_in_force, write_page


def test_a_selection_is_news_when_its_split_had_another_one_in_force(make_scored, make_row):
    rows = [make_row("a", "x", (8.0, 3.0)), make_row("b", "y", (6.0, 3.0), split="valid"),
            make_row("c", "z", (5.5, 3.0))]  # fmt: skip
    scored = make_scored(rows)

    def select(split, threshold):
        config = SelectionConfig(split=split, sensibility_threshold=threshold)
        ref = materialize(scored.artifacts, scored.corpus, scored.scores, config)
        return put_in_force(scored.artifacts, ref, split), ref

    first, at_5 = select("train", 5)
    assert first
    assert not select("train", 5)[0]
    assert select("train", 7)[0]
    assert select("valid", 5)[0]
    assert not select("train", 7)[0]  # that of the other split is no change of this one
    again, ref = select("train", 5)
    assert again
    assert ref == at_5
    assert scored.artifacts.get_current("subsets") == at_5
    held_out = select("valid", 6)[1]
    assert (find_current_subsets(scored.artifacts), find_current_subsets(scored.artifacts, "train")) == (held_out, at_5)
    with pytest.raises(UsageError, match="No subsets of the split 'test'"):
        find_current_subsets(scored.artifacts, "test")


def test_the_page_of_a_run_says_what_was_selected_why_and_from_whose_scores(make_scored, make_row):
    scored = make_scored([make_row("a", "x", (8.0, 3.0)), make_row("b", "y", (2.0, 3.0)), make_row("c", "z", None)])
    ref = materialize(scored.artifacts, scored.corpus, scored.scores, SelectionConfig())
    page = write_page(scored.artifacts.read_manifest(ref.uri), keep_run(scored.artifacts, ref), ref.uri)
    assert page.startswith("# paper S>5 R>5\n")
    assert "| sensibility | 1 | 50.0% |" in page
    assert "| excluded | 1 |  |" in page
    assert "| sensibility: S > threshold and R < threshold | 1 |" in page
    assert "1 turns have no score" in page
    assert ref.uri in page


def test_a_sweep_counts_every_rule_at_every_threshold_once_and_in_order():
    grid = SweepConfig(rules=("released", "paper", "paper"), thresholds=(6, 4, 6), split="valid", judge_id="j").grid
    assert [(one.rule, one.sensibility_threshold, one.rationality_threshold) for one in grid] == [
        ("released", 4, 4), ("released", 6, 6), ("paper", 4, 4), ("paper", 6, 6),
    ]  # fmt: skip
    assert {(one.split, one.judge_id) for one in grid} == {("valid", "j")}
