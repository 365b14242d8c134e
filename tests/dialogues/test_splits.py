"""Which split a dialogue belongs to."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.dialogues import assign_split
from tasks.dialogues.splits import choose_split, parse_source_split, split_of_stem
from tasks.errors import ConfigError
from tasks.schema import SPLITS, Dialogue


def test_the_split_by_hash_never_changes():
    assert [assign_split(f"d:{n}") for n in (0, 14, 54, 56)] == ["train", "valid", "valid", "test"]


def test_the_split_by_hash_is_90_5_5():
    shares = Counter(assign_split(f"dialogue {n}") for n in range(20_000))
    assert {split: round(n / 200) for split, n in shares.items()} == {"train": 90, "valid": 5, "test": 5}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_id_has_one_split(dialogue_id):
    assert assign_split(dialogue_id) in SPLITS
    assert assign_split(dialogue_id) == assign_split(dialogue_id)


@pytest.mark.parametrize(
    ("stem", "split"),
    [
        ("train", "train"),
        ("valid", "valid"),
        ("validation", "valid"),
        ("dev", "valid"),
        ("val", "valid"),
        ("TEST", "test"),
        ("test-00000-of-00002", "test"),
        ("training", None),
        ("train_of_thought", None),
        ("messy", None),
    ],
)
def test_a_file_name_says_its_split(stem, split):
    assert split_of_stem(stem) == split


def test_what_the_user_says_comes_before_the_source_and_the_source_before_the_hash():
    named, unnamed = Dialogue("d", "", "", (), split="valid"), Dialogue("d", "", "", ())
    assert choose_split(named, parse_source_split("test")) == "test"
    assert choose_split(named, parse_source_split("auto")) == "valid"
    assert choose_split(unnamed, parse_source_split("auto")) == assign_split("d")


def test_an_unknown_split_is_refused():
    with pytest.raises(ConfigError, match="no split 'dev'"):
        parse_source_split("dev")
