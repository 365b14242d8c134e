"""The subsets as artifacts: what stands in them, what may not, and that order does not matter."""

import random

import polars as pl
import pyarrow.parquet as pq
import pytest

from tasks.config import SelectionConfig
from tasks.errors import ArtifactError, UsageError
from tasks.selection import EXCLUDED, SUBSETS, index_subsets, materialize, preview

COLUMNS = [
    "dialogue_id", "utterance_idx", "turn_key", "split", "emotion", "prompt", "completion", "n_words",
    "sensibility", "rationality", "subset", "reason",
]  # fmt: skip


def select(scored, **config):
    """Materialize and return the rows of every file, by the id of their dialogue."""
    ref = materialize(scored.artifacts, scored.corpus, scored.scores, SelectionConfig(**config))
    folder = scored.artifacts.open(ref)
    frames = [pl.read_parquet(folder / f"{name}.parquet", glob=False) for name in (*SUBSETS, EXCLUDED)]
    return ref, {row["dialogue_id"]: row for frame in frames for row in frame.iter_rows(named=True)}


def where(rows):
    return {dialogue_id: row["subset"] for dialogue_id, row in rows.items()}


def test_a_selected_row_is_a_conversation_with_its_scores(make_scored, make_row):
    ref, rows = select(make_scored([make_row("a", "I won", (8.0, 3.0), response="Well done!")]))
    row = rows["a"]
    assert list(row) == COLUMNS
    assert row["prompt"] == [{"role": "user", "content": "I won"}]
    assert row["completion"] == [{"role": "assistant", "content": "Well done!"}]
    assert (row["sensibility"], row["rationality"], row["utterance_idx"], row["n_words"]) == (8.0, 3.0, 2, 2)
    assert (row["subset"], row["reason"]) == ("sensibility", "S > threshold and R < threshold")
    assert ref.n_rows == 1


def test_a_turn_without_a_score_is_never_selected_and_says_why(make_scored, make_row):
    scored = make_scored(
        [make_row("a", "x", "refusal"), make_row("b", "y", None), make_row("c", "z", (8.0, 3.0))]
    )  # fmt: skip
    _, rows = select(scored)
    assert where(rows) == {"a": "excluded", "b": "excluded", "c": "sensibility"}
    assert (rows["a"]["reason"], rows["b"]["reason"]) == ("unscored: refusal", "unscored: not asked")
    assert rows["a"]["sensibility"] is None


def test_a_text_that_stands_in_a_held_out_split_is_kept_out_of_training(make_scored, make_row):
    scored = make_scored([
        make_row("train", "I won", (8.0, 3.0)), make_row("copy", " I  won", (8.0, 3.0), split="test"),
        make_row("other", "I lost", (8.0, 3.0)), make_row("valid", "I sang", (8.0, 3.0), split="valid"),
    ])  # fmt: skip
    _, rows = select(scored)
    assert where(rows) == {"train": "excluded", "other": "sensibility"}
    assert rows["train"]["reason"] == "its text stands in the test split"


def test_a_leak_from_another_source_is_seen_too(make_scored, make_row):
    scored = make_scored(
        [make_row("a", "I won", (8.0, 3.0))], [make_row("b", "I won", (8.0, 3.0), split="valid")]
    )  # fmt: skip
    assert where(select(scored)[1]) == {"a": "excluded"}


def test_a_dialogue_of_two_sources_counts_once_as_the_last_gave_it(make_scored, make_row):
    scored = make_scored(
        [make_row("a", "first", (8.0, 3.0))], [make_row("a", "second", (8.0, 3.0)), make_row("b", "x", (3.0, 8.0))]
    )
    _, rows = select(scored)
    assert where(rows) == {"a": "sensibility", "b": "rationality"}
    assert rows["a"]["prompt"][0]["content"] == "second"


def test_repeated_texts_of_one_split_are_all_kept(make_scored, make_row):
    scored = make_scored([make_row("a", "I won", (8.0, 3.0)), make_row("b", "I won", (8.0, 3.0))])
    assert where(select(scored)[1]) == {"a": "sensibility", "b": "sensibility"}


@pytest.mark.parametrize(
    ("splits", "asked", "expected"),
    [
        (("train", "test"), "auto", "train"), (("valid",), "auto", "valid"), (("test",), "auto", "test"),
        (("train", "valid"), "valid", "valid"),
    ],
)  # fmt: skip
def test_the_split_is_train_or_the_only_one_or_the_named_one(make_scored, make_row, splits, asked, expected):
    scored = make_scored([make_row(split, f"in {split}", (8.0, 3.0), split=split) for split in splits])
    ref, rows = select(scored, split=asked)
    assert list(rows) == [expected]
    assert scored.artifacts.read_manifest(ref.uri)["config"]["split"] == expected


@pytest.mark.parametrize(("splits", "asked"), [(("train",), "test"), (("valid", "test"), "auto")])
def test_a_split_that_is_not_there_or_not_clear_is_told_with_those_there_are(make_scored, make_row, splits, asked):
    scored = make_scored([make_row(split, f"in {split}", (8.0, 3.0), split=split) for split in splits])
    with pytest.raises(UsageError) as caught:
        select(scored, split=asked)
    assert ", ".join(splits) in caught.value.do


def make_many(make_row, n=60):
    """Turns of two splits, some of one text, with scores that belong to the text."""
    rows = []
    for number in range(n):
        values = random.Random(number % 50)
        scores = "refusal" if number % 50 % 9 == 0 else (float(values.randrange(11)), values.random() * 10)
        split, index = "test" if number % 7 == 0 else "train", 2 + 2 * (number % 2)
        rows.append(make_row(f"d{number}", f"text {number % 50}", scores, split=split, utterance_idx=index))
    return rows


def test_the_content_does_not_depend_on_the_order_of_rows_threads_or_row_groups(make_scored, make_row):
    rows = make_many(make_row)
    first, _ = select(make_scored(rows))
    shuffled = random.Random(1).sample(rows, len(rows))
    scored = make_scored(shuffled)
    second, _ = select(scored)
    assert second.config_digest != first.config_digest, "the shuffled corpus is another parent"
    assert second.sha256 == first.sha256


def test_another_score_is_another_content(make_scored, make_row):
    first, _ = select(make_scored([make_row("a", "x", (8.0, 3.0))]))
    second, _ = select(make_scored([make_row("a", "x", (8.0, 3.5))]))
    assert first.sha256 != second.sha256


def test_every_turn_of_the_split_stands_once_and_preview_counts_the_same(make_scored, make_row):
    rows = make_many(make_row)
    scored = make_scored(rows)
    for rule in ("paper", "released"):
        ref, found = select(scored, rule=rule)
        assert sorted(found) == sorted(row.dialogue_id for row in rows if row.split == "train")
        counts = preview(scored.artifacts, scored.corpus, scored.scores, [SelectionConfig(rule=rule)])[0]
        facts = scored.artifacts.read_manifest(ref.uri)["facts"]
        assert facts["counts"] == {name: getattr(counts, name) for name in (*SUBSETS, EXCLUDED)}
        assert facts["reasons"] == counts.reasons
        assert counts.n_scored + counts.excluded == len(found)


def test_row_groups_of_many_batches_hold_every_turn_in_order(make_scored, make_row, monkeypatch):
    monkeypatch.setattr("tasks.selection.writing.ROWS", 7)
    rows = [make_row(f"d{n}", f"text {n}", (8.0, 3.0) if n % 3 else (3.0, 8.0)) for n in range(50)]
    ref, found = select(make_scored(rows))
    frame = pl.read_parquet(f"{ref.uri}/sensibility.parquet", glob=False)
    assert (len(found), len(frame)) == (50, 33)
    assert frame["turn_key"].is_sorted()
    assert pq.ParquetFile(f"{ref.uri}/sensibility.parquet").metadata.num_row_groups == 5


def test_an_empty_subset_is_a_file_without_rows(make_scored, make_row):
    scored = make_scored([make_row("a", "x", (8.0, 3.0))])
    ref, _ = select(scored)
    empty = pl.read_parquet(scored.artifacts.open(ref) / "rationality.parquet", glob=False)
    assert (len(empty), empty.columns) == (0, COLUMNS)


def test_damaged_scores_are_told_and_not_used(make_scored, make_row):
    scored = make_scored([make_row("a", "x", (8.0, 3.0))])
    (scored.artifacts.open(scored.scores) / "scores.parquet").write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match=r"scores artifact is damaged: scores\.parquet"):
        select(scored)


def test_the_sizes_are_indexed_once(make_scored, make_row, home):
    scored = make_scored([make_row("a", "x", (8.0, 3.0)), make_row("b", "y", (3.0, 3.0))])
    ref, _ = select(scored)
    manifest = scored.artifacts.read_manifest(ref.uri)
    with home.store.transaction() as connection:
        assert [index_subsets(connection, manifest, "j") for _ in range(2)] == [True, False]
        rows = connection.execute("SELECT subset, n_rows, share, split, rule FROM subsets ORDER BY ALL").fetchall()
    assert rows == [
        ("discard", 1, 0.5, "train", "paper"), ("rationality", 0, 0.0, "train", "paper"),
        ("sensibility", 1, 0.5, "train", "paper"),
    ]  # fmt: skip
