"""Turns as tokens on disk: what comes out is what would be made anew, whatever is in the folder."""

from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.experts.token_cache import TokenCache

MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))


def make_rows(texts: list[str]) -> pl.DataFrame:
    rows = [{"prompt": [{"role": "user", "content": text}],
             "completion": [{"role": "assistant", "content": text.upper()}]} for text in texts]  # fmt: skip
    return pl.DataFrame(rows, schema={"prompt": MESSAGES, "completion": MESSAGES})


class Encoder:
    """Letters as numbers; counts the rows it saw."""

    def __init__(self) -> None:
        self.n_seen = 0

    def __call__(self, row: Any) -> tuple[list[int], list[int], bool]:
        self.n_seen += 1
        text = row["prompt"][0]["content"]
        return [ord(letter) for letter in text], [len(text)] if text else [], len(text) > 3


@settings(max_examples=30, deadline=None)
@given(calls=st.lists(st.lists(st.text("ab é", max_size=5), max_size=8), min_size=1, max_size=4))
def test_rows_come_back_in_order_and_each_is_encoded_once(tmp_path_factory: Any, calls: list[list[str]]) -> None:
    folder = tmp_path_factory.mktemp("cache") / "tokens"
    encoder = Encoder()
    for texts in calls:
        found = TokenCache(folder).encode(make_rows(texts), encoder)
        expected = [Encoder()(row) for row in make_rows(texts).iter_rows(named=True)]
        assert list(found.select("prompt_ids", "response_ids", "is_cut").iter_rows()) == expected
    assert encoder.n_seen == len({text for texts in calls for text in texts})


def test_a_damaged_file_is_removed_and_its_turns_are_encoded_again(tmp_path: Path) -> None:
    cache, encoder = TokenCache(tmp_path), Encoder()
    first = cache.encode(make_rows(["a", "bb"]), encoder)
    (path,) = tmp_path.glob("*.parquet")
    path.write_bytes(path.read_bytes()[:40])
    assert cache.encode(make_rows(["a", "bb"]), encoder).equals(first)
    assert encoder.n_seen == 4
    assert len(list(tmp_path.glob("*.parquet"))) == 1


def test_white_space_that_a_turn_key_folds_is_another_turn_here(tmp_path: Path) -> None:
    encoder = Encoder()
    TokenCache(tmp_path).encode(make_rows(["a b", "a  b"]), encoder)
    assert encoder.n_seen == 2


def test_each_way_of_tokenising_has_a_folder_of_its_own(tmp_path: Path) -> None:
    ways = [{"base": "x", "max_length": 8}, {"base": "x", "max_length": 9}, {"base": "y", "max_length": 8}]
    assert len({TokenCache.at(tmp_path, **way).folder for way in ways}) == 3
