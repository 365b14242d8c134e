"""Somebody's file of ratings: its columns may have any names, what cannot be used is counted, mistakes are told."""

import json
import math

import polars as pl
import pytest

from tasks.dialogues import iter_turns, read_dialogues, resolve_source
from tasks.errors import SourceError, UsageError
from tasks.judges import parse_mapping, read_ratings, write_dialogues
from tasks.schema import Utterance, make_turn_key

TALK = [Utterance("speaker", "I lost my keys."), Utterance("listener", "Oh."), Utterance("speaker", "All of them.")]


def write(path, rows):
    """Write rows in the format that the path's name says."""
    frame = pl.DataFrame(rows)
    if path.suffix == ".csv":
        frame = frame.with_columns(
            pl.col(pl.List(pl.String)).map_elements(lambda v: json.dumps(v.to_list()), pl.String)
        )
        frame.write_csv(path)
    else:
        (frame.write_parquet if path.suffix == ".parquet" else frame.write_ndjson)(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_the_same_ratings_are_read_from_any_format_under_any_names(tmp_path, suffix):
    rows = [
        {"talk": [text for _, text in TALK], "said": f'So "sorry", {n}!', "stars": n % 3 + 1, "id": n} for n in range(4)
    ]
    mapping = parse_mapping(["talk=context", "said=response", "stars=rating", "id=dialogue_id"])
    found = read_ratings(write(tmp_path / f"my [ratings] *{suffix}", rows), mapping)
    assert found.axes == ("rating",)
    assert found.turns["reference_rating"].to_list() == [1, 2, 3, 1]
    assert found.turns["turn_key"][2] == make_turn_key(TALK, 'So "sorry", 2!')
    assert found.turns["utterance_idx"].unique().to_list() == [4]
    assert found.turns["dialogue_id"].to_list() == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    "context",
    [
        [{"role": role, "text": text} for role, text in TALK],
        [{"role": {"speaker": "user", "listener": "assistant"}[role], "content": text} for role, text in TALK],
        json.dumps([text for _, text in TALK]),
    ],
)
def test_a_context_is_a_list_of_messages_or_of_texts(tmp_path, context):
    rows = [
        {"context": context, "response": f"Poor you {n}.", "sensibility": n, "rationality": 3 + n} for n in range(3)
    ]
    found = read_ratings(write(tmp_path / "r.jsonl", rows), {})
    assert found.axes == ("sensibility", "rationality")
    assert found.turns["turn_key"][0] == make_turn_key(TALK, "Poor you 0.")


def test_one_row_with_the_responses_of_several_systems_is_a_turn_for_each(tmp_path):
    rows = [
        {"conv_id": "c1", "context": "I won!", "response_a": "Wow", "rating_a": 3, "response_b": "So?", "rating_b": 1}
    ]
    found = read_ratings(write(tmp_path / "r.csv", rows), {}).turns
    assert found.select("system", "response", "reference_rating", "dialogue_id").rows() == [
        ("a", "Wow", 3.0, "c1"), ("b", "So?", 1.0, "c1"),
    ]  # fmt: skip


def test_rows_that_cannot_be_used_are_counted_with_the_reason(tmp_path):
    ratings = ["1", "2", "", "good", "nan", "inf", "3"]
    path = tmp_path / "r.csv"
    path.write_text("response,rating\n" + "".join(f"text {n},{r}\n" for n, r in enumerate(ratings)) + ",2\n")
    found = read_ratings(path, {})
    assert len(found.turns) == 3
    assert found.left_out == {"no rating, or one that is no number": 4, "no response": 1}


@pytest.mark.parametrize("odd", ["1e300", "-1", "2.5", "nan", "0", str(10**400)])
def test_a_place_that_is_none_is_not_known(tmp_path, odd):
    path = tmp_path / "r.csv"
    path.write_text(f"response,rating,dialogue_id,utterance_idx\nhi,1,d,{odd}\nho,2,d,4.0\n,3,d,{odd}\n")
    found = read_ratings(path, {})
    assert found.turns["utterance_idx"].to_list() == [1, 4], "said to nobody, so the first"
    assert found.left_out == {"no response": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "no column of ratings"),
        ("rating,b\n1,2\n", "does not say which responses"),
        ("response,rating\n", "it has no rows"),
        ("response,rating\nhi,nan\n", "1 rows: no rating"),
        ("response,rating\nhi,3\nho,3\n", "Every rating in the reference is 3"),
        ("response,sensibility\nhi,1\nho,11\n", "is 11, outside 0 to 10"),
        ("response,rationality\nhi,-1\nho,1\n", "is -1, outside 0 to 10"),
        ("response_a,rating\nhi,1\n", "column response_a, and none of ratings of it"),
        ("", "cannot be read"),
        ("response,rating\n\xff\xfe,1\n", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_compared_with_says_why(tmp_path, text, said):
    path = tmp_path / "r.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SourceError, match=said):
        read_ratings(path, {})


def test_a_file_that_is_not_there_or_no_table_is_told(tmp_path):
    with pytest.raises(SourceError, match="no such file"):
        read_ratings(tmp_path / "none.csv", {})
    (tmp_path / "r.parquet").write_bytes(b"PAR1")
    with pytest.raises(SourceError, match="cannot be read"):
        read_ratings(tmp_path / "r.parquet", {})


def test_a_mapping_names_a_column_and_one_of_our_names():
    assert parse_mapping(["a=b=response", "x=rating_gpt"]) == {"a=b": "response", "x": "rating_gpt"}
    for pairs in (["a"], ["=rating"], ["a=stars"], ["a=rating", "b=rating"], ["a=rating", "a=response"], ["a=rating_"]):
        with pytest.raises(UsageError):
            parse_mapping(pairs)


def test_rated_texts_are_dialogues_that_can_be_ingested_and_scored(tmp_path):
    rows = [{"context": "I won!", "response": f"Wow {n}", "rating": n} for n in (1, 2, 2)]
    rated = read_ratings(write(tmp_path / "r.csv", rows), {})
    assert write_dialogues(rated, tmp_path / "rated.jsonl") == 2, "one text, one turn"
    read = read_dialogues(resolve_source(str(tmp_path / "rated.jsonl"), tmp_path))
    assert {turn.turn_key for one in read for _, turn in iter_turns(one)} == set(rated.turns["turn_key"])


def test_the_human_ratings_are_read_as_they_are(shared_data):
    found = read_ratings(shared_data / "human_ratings" / "dev.csv", {})
    assert (len(found.turns), found.turns["dialogue_id"].n_unique(), found.left_out) == (3000, 1000, {})
    counts = found.turns.group_by("system").agg(pl.col("reference_rating").mean()).sort("system")
    assert counts["system"].to_list() == ["chatgpt", "chatgpt_empathy", "human"]
    assert counts["reference_rating"].to_list() == pytest.approx([2.548, 2.586, 2.326])
    assert not any(math.isnan(value) for value in found.turns["reference_rating"])
