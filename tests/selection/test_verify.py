"""Digests that only the content decides, and what `--verify` finds."""

import random
import shutil
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tasks.artifacts import ArtifactStore
from tasks.config import SelectionConfig
from tasks.errors import ArtifactError, UsageError
from tasks.selection import EXCLUDED, SUBSETS, materialize, verify_selection
from tasks.selection.digest import digest_subset

CONFIGS = ({}, {"rule": "quantile", "keep": 0.4}, {"near_duplicates": 0.8, "max_per_emotion": 5, "min_words": 1})


@pytest.fixture
def rows(make_row):
    return [
        make_row(f"d{n}", f"it's ', 'text {m}", (float(m * 7 % 11), float(m * 3 % 11)), emotion=f"e{n % 3}")
        for n, m in ((n, n % 35) for n in range(40))  # five texts stand twice: their scores are one
    ] + [make_row("none", "nobody asked", None)]


def make(scored, **config):
    ref = materialize(scored.artifacts, scored.corpus, scored.scores, SelectionConfig(**config))
    return ref, scored.artifacts.read_manifest(ref.uri)["facts"]


@pytest.mark.parametrize("config", CONFIGS)
def test_rows_in_another_order_have_equal_digests(make_scored, rows, config):
    _, first = make(make_scored(rows), **config)
    _, second = make(make_scored(random.Random(5).sample(rows, len(rows))), **config)
    assert first["digests"] == second["digests"]
    assert first["digest"] == second["digest"]
    assert len(set(first["digests"].values())) == 4


def test_neither_order_nor_row_groups_nor_threads_change_a_digest(make_scored, rows, tmp_path):
    ref, facts = make(make_scored(rows))
    frame = pl.read_parquet(Path(ref.uri) / "discard.parquet", glob=False)
    frame.sample(fraction=1, shuffle=True, seed=1).write_parquet(tmp_path / "x.parquet", row_group_size=2)
    for threads in (1, 4):
        with duckdb.connect(config={"threads": threads}) as connection:
            assert digest_subset(connection, tmp_path / "x.parquet") == facts["digests"]["discard"]


@pytest.mark.parametrize(
    "change",
    [
        pl.col("sensibility") + 1e-12, pl.lit("x").alias("emotion"), pl.col("utterance_idx") + 1,
        pl.col("turn_key").str.reverse(), pl.col("dialogue_id") + "|",
    ],
)  # fmt: skip
def test_another_value_is_another_digest_and_so_is_a_row_twice(make_scored, rows, tmp_path, change):
    ref, facts = make(make_scored(rows))
    frame = pl.read_parquet(Path(ref.uri) / "discard.parquet", glob=False)
    with duckdb.connect() as connection:
        for changed in (frame.with_columns(change), pl.concat([frame, frame.head(1)])):
            changed.write_parquet(tmp_path / "x.parquet")
            assert digest_subset(connection, tmp_path / "x.parquet") != facts["digests"]["discard"]


def test_the_digest_of_known_rows_is_known(tmp_path):
    """A newer DuckDB that writes values otherwise would make every kept digest wrong: it must be seen."""
    message = [{"role": "user", "content": "I'm \\ \"sad\", 'so'\n]}"}]
    frame = pl.DataFrame(
        {"dialogue_id": ["a"], "utterance_idx": [2], "turn_key": ["k"], "split": ["train"], "emotion": [None],
         "prompt": [message], "completion": [[{"role": "assistant", "content": "Oh."}]], "sensibility": [0.1],
         "rationality": [1e-7]},
        schema_overrides={"emotion": pl.String, "utterance_idx": pl.Int32},
    )  # fmt: skip
    frame.write_parquet(tmp_path / "known.parquet")
    with duckdb.connect() as connection:
        assert digest_subset(connection, tmp_path / "known.parquet") == "fe56361419eb86a9f0d420ef56bdc556"


@pytest.mark.parametrize("config", CONFIGS)
def test_a_selection_that_was_not_touched_is_verified_by_any_of_its_digests(make_scored, rows, config):
    scored = make_scored(rows)
    ref, facts = make(scored, **config)
    for digest in (ref.config_digest, ref.config_digest[:8], facts["digest"], *facts["digests"].values()):
        found = verify_selection(scored.artifacts, digest)
        assert (found.ref, found.differences, found.digest) == (ref, (), facts["digest"])


def test_a_row_that_was_taken_away_is_found_and_named(make_scored, rows):
    scored = make_scored(rows)
    ref, facts = make(scored)
    file = Path(ref.uri) / "sensibility.parquet"
    frame = pl.read_parquet(file, glob=False)
    frame.slice(1).write_parquet(file)
    said = verify_selection(scored.artifacts, facts["digest"]).differences
    assert said[0] == "sensibility.parquet is not the file that the manifest lists"
    assert facts["digests"]["sensibility"] in said[1]
    assert said[2] == f"sensibility: 0 rows stand in the file only, 1 made again only, e.g. {frame['dialogue_id'][0]}:2"
    assert len(said) == 3


def test_a_text_that_was_changed_under_its_key_is_found(make_scored, rows):
    scored = make_scored(rows)
    ref, facts = make(scored)
    file = Path(ref.uri) / "discard.parquet"
    frame = pl.read_parquet(file, glob=False)
    altered = frame.with_columns(pl.col("prompt").list.reverse().list.concat(pl.col("completion")))
    altered.write_parquet(file)
    said = verify_selection(scored.artifacts, facts["digest"]).differences
    assert said[0] == "discard.parquet is not the file that the manifest lists"
    assert f"discard: {len(frame):,} rows stand in the file only, {len(frame):,} made again only" in said[1]


def test_a_file_that_is_gone_or_unreadable_is_a_difference(make_scored, rows):
    scored = make_scored(rows)
    ref, _ = make(scored)
    (Path(ref.uri) / "discard.parquet").write_bytes(b"damaged")
    (Path(ref.uri) / "rationality.parquet").unlink()
    said = verify_selection(scored.artifacts, ref.config_digest).differences
    assert [line for line in said if "cannot be read" in line] == [
        f"{name}.parquet is missing or cannot be read" for name in ("rationality", "discard")
    ]


def test_damaged_or_absent_scores_cannot_verify_anything(make_scored, rows):
    scored = make_scored(rows)
    ref, _ = make(scored)
    shutil.rmtree(scored.scores.uri)
    with pytest.raises(ArtifactError):
        verify_selection(scored.artifacts, ref.config_digest)


@pytest.mark.parametrize("digest", ["", "abc", "0" * 32, "../../etc", "'; DROP TABLE x; --", "x" * 10_000])
def test_a_digest_that_nothing_has_is_told(make_scored, rows, digest):
    scored = make_scored(rows)
    make(scored)
    with pytest.raises(UsageError) as told:
        verify_selection(scored.artifacts, digest)
    assert len(str(told.value)) < 250


def test_a_selection_in_a_bucket_is_verified_too(make_scored, rows, bucket, tmp_path):
    local = make_scored(rows)
    remote = ArtifactStore(f"{bucket}/deep", tmp_path / "cache of another")
    copied = []
    for ref in (*local.corpus, local.scores):
        path = f"{remote.root}/{ref.kind}/{ref.config_digest}"
        for file in Path(ref.uri).iterdir():
            remote.fs.put_file(str(file), f"{path}/{file.name}")
        copied.append(remote.read_ref(path))
    ref = materialize(remote, copied[:-1], copied[-1], SelectionConfig())
    assert verify_selection(remote, ref.config_digest).differences == ()
    assert set(SUBSETS) | {EXCLUDED} == set(remote.read_manifest(ref.uri)["facts"]["digests"])
