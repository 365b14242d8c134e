"""Which turns a model learns from: subsets, controls of the right size, and no leak."""

import shutil
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import ArtifactError, DataLeakError, UsageError
from tasks.experts import pick_control, pick_rows, read_rows, refuse_leak
from tasks.experts.rows import count_words, match_lengths

CONTROLS = ["full", "random", "length-matched", "union"]


def shuffle_files(folder: Path, target: Path) -> Path:
    """Return a copy of a subsets artifact with the rows of every file in another order."""
    shutil.copytree(folder, target)
    for path in target.glob("*.parquet"):
        pl.read_parquet(path).sample(fraction=1, shuffle=True, seed=5).write_parquet(path)
    return target


@pytest.mark.parametrize(("name", "size"), [("full", 90), ("random", 40), ("length-matched", 40), ("union", 60)])
def test_a_control_has_its_size_and_no_turn_twice(subsets: Path, name: str, size: int) -> None:
    rows = pick_control(name, subsets, seed=0)
    assert len(rows) == size
    assert rows["turn_key"].n_unique() == size


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_does_not_depend_on_the_order_of_rows(subsets: Path, tmp_path: Path, name: str) -> None:
    other = shuffle_files(subsets, tmp_path / "shuffled")
    assert set(pick_control(name, subsets, 7)["turn_key"]) == set(pick_control(name, other, 7)["turn_key"])


@pytest.mark.parametrize("name", ["random", "length-matched"])
def test_another_seed_picks_other_turns(subsets: Path, name: str) -> None:
    assert set(pick_control(name, subsets, 0)["turn_key"]) != set(pick_control(name, subsets, 1)["turn_key"])


def test_full_holds_the_discarded_turns_too(subsets: Path) -> None:
    assert set(pick_control("full", subsets, 0)["subset"]) == {"sensibility", "rationality", "discard"}


def test_union_is_both_experts_rows(subsets: Path) -> None:
    experts = pl.concat([pick_rows(subsets, name, 0) for name in ("sensibility", "rationality")])
    assert set(experts["turn_key"]) == set(pick_rows(subsets, "union", 0)["turn_key"])


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_length_matched_rows_have_the_lengths_of_the_wanted_ones(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, 30), min_size=1, max_size=60))
    n_wanted = data.draw(st.integers(1, len(lengths)))
    completion = [[{"role": "assistant", "content": "word " * (n - 1) + "word"}] for n in lengths]
    ordered = pl.DataFrame({"turn_key": [str(at) for at in range(len(lengths))], "completion": completion})
    wanted = ordered.tail(n_wanted)
    found = match_lengths(ordered, wanted)
    assert len(found) == n_wanted
    edges = sorted({count_words(wanted).quantile(i / 20, "nearest") for i in range(1, 20)})
    for edge in edges:
        assert (count_words(found) <= edge).sum() == (count_words(wanted) <= edge).sum()


def test_a_missing_subset_and_an_empty_one_are_told_apart(subsets: Path) -> None:
    with pytest.raises(ArtifactError, match="no subset 'other'"):
        read_rows(subsets, ["other"])
    pl.read_parquet(subsets / "rationality.parquet").clear().write_parquet(subsets / "rationality.parquet")
    with pytest.raises(UsageError, match="rationality is empty"):
        read_rows(subsets, ["rationality"])


def test_an_unknown_control_is_refused(subsets: Path) -> None:
    with pytest.raises(UsageError, match="no control 'best'"):
        pick_control("best", subsets, 0)


def test_rows_of_other_dialogues_pass(rows: pl.DataFrame) -> None:
    elsewhere = pl.DataFrame({"dialogue_id": ["elsewhere"], "turn_key": ["0" * 64]})
    assert refuse_leak(rows, elsewhere) is None


def test_a_held_out_dialogue_is_refused_and_named(rows: pl.DataFrame) -> None:
    held_out = pl.DataFrame({"dialogue_id": ["d3", "elsewhere"], "turn_key": ["0" * 64, "1" * 64]})
    with pytest.raises(DataLeakError, match="1 dialogues and the text of 0 of 24") as caught:
        refuse_leak(rows, held_out)
    assert "d3" in caught.value.where


def test_a_held_out_text_is_refused_in_whatever_dialogue_it_stands(rows: pl.DataFrame) -> None:
    held_out = pl.DataFrame({"dialogue_id": ["elsewhere"], "turn_key": [rows["turn_key"][4]]})
    with pytest.raises(DataLeakError, match="0 dialogues and the text of 1 of 24") as caught:
        refuse_leak(rows, held_out)
    assert "d2" in caught.value.where
