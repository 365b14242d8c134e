"""The counts that the released scores must give, to the turn."""

import polars as pl
import pytest

from tasks.config import SelectionConfig
from tasks.manifest import Recipe
from tasks.selection import EXCLUDED, SUBSETS, materialize, preview

EXPECTED = [
    ("paper", 4, (3086, 2087, 561)),
    ("paper", 5, (3473, 1805, 456)),
    ("paper", 6, (3615, 1267, 852)),
    ("paper", 7, (3244, 606, 1884)),
    ("released", 5, (3473, 393, 1868)),
]


def select(rule="paper", threshold=5.0):
    return SelectionConfig(rule=rule, sensibility_threshold=threshold, rationality_threshold=threshold)


@pytest.mark.parametrize(("rule", "threshold", "expected"), EXPECTED)
def test_the_released_replies_give_the_exact_subsets(replayed, rule, threshold, expected):
    ref = materialize(replayed.artifacts, replayed.corpus, replayed.scores, select(rule, threshold))
    folder = replayed.artifacts.open(ref)
    sizes = {name: len(pl.read_parquet(folder / f"{name}.parquet")) for name in (*SUBSETS, EXCLUDED)}
    assert tuple(sizes[name] for name in SUBSETS) == expected
    assert sizes[EXCLUDED] == 4
    facts = replayed.artifacts.read_manifest(ref.uri)["facts"]
    assert facts["counts"] == sizes
    assert facts["n_rows"] == ref.n_rows == expected[0] + expected[1]
    assert facts["shares"]["sensibility"] == pytest.approx(expected[0] / 5734, abs=1e-6)


def test_a_preview_of_many_thresholds_counts_the_same(replayed):
    counts = preview(replayed.artifacts, replayed.corpus, replayed.scores, [select(*row[:2]) for row in EXPECTED])
    assert [(c.sensibility, c.rationality, c.discard) for c in counts] == [row[2] for row in EXPECTED]
    assert {c.excluded for c in counts} == {4}
    assert {c.n_scored for c in counts} == {5734}


def test_a_quantile_of_the_released_scores_is_the_same_turns_however_the_rows_stand(replayed):
    turns = pl.read_parquet(replayed.artifacts.open(replayed.corpus[0]) / "turns.parquet")

    def write_shuffled(folder):
        turns.sample(fraction=1, shuffle=True, seed=7).write_parquet(folder / "turns.parquet", row_group_size=999)
        return {"n_rows": len(turns)}

    shuffled = replayed.artifacts.produce(Recipe("dialogues", 1, {"shuffled": True}), write_shuffled)
    wanted = SelectionConfig(rule="quantile", keep=0.59)
    facts = []
    for corpus in (replayed.corpus, (shuffled,)):
        ref = materialize(replayed.artifacts, corpus, replayed.scores, wanted)
        facts.append(replayed.artifacts.read_manifest(ref.uri)["facts"])
    assert facts[0]["counts"]["sensibility"] == round(0.59 * 5734)
    assert facts[0] == facts[1]


def test_the_shares_of_the_inferred_rule_are_those_of_the_method(replayed):
    grid = [select("paper", threshold) for threshold in (4, 5, 6, 7)]
    shares = [c.share("sensibility") for c in preview(replayed.artifacts, replayed.corpus, replayed.scores, grid)]
    assert [round(100 * share, 1) for share in shares] == [53.8, 60.6, 63.0, 56.6]


def test_every_turn_of_the_corpus_stands_in_exactly_one_file_with_a_reason(replayed):
    ref = materialize(replayed.artifacts, replayed.corpus, replayed.scores, select())
    folder = replayed.artifacts.open(ref)
    files = {name: pl.read_parquet(folder / f"{name}.parquet") for name in (*SUBSETS, EXCLUDED)}
    everything = pl.concat(files.values())
    turns = pl.read_parquet(replayed.artifacts.open(replayed.corpus[0]) / "turns.parquet")
    key = ["dialogue_id", "utterance_idx"]
    assert everything.select(key).sort(key).equals(turns.select(key).sort(key))
    assert all((frame["subset"] == name).all() for name, frame in files.items())
    assert (everything["reason"].str.len_chars() > 0).all()
    assert set(files["excluded"]["reason"]) == {"unscored: no_reply_recorded"}
    assert set(files["discard"]["reason"]) == {"R = threshold", "S <= threshold and R < threshold"}


def test_the_same_selection_is_found_and_another_threshold_is_another_artifact(replayed):
    first = materialize(replayed.artifacts, replayed.corpus, replayed.scores, select())
    assert materialize(replayed.artifacts, replayed.corpus, replayed.scores, select()) == first
    named = select().model_copy(update={"judge_id": "replies-valid"})
    assert materialize(replayed.artifacts, replayed.corpus, replayed.scores, named) == first
    other = materialize(replayed.artifacts, replayed.corpus, replayed.scores, select(threshold=5.5))
    assert other.config_digest != first.config_digest


@pytest.mark.train
def test_the_subsets_load_with_datasets_and_are_conversations_to_trl(replayed, tmp_path):
    datasets = pytest.importorskip("datasets")
    trl = pytest.importorskip("trl")
    folder = replayed.artifacts.open(materialize(replayed.artifacts, replayed.corpus, replayed.scores, select()))
    cache = {"cache_dir": str(tmp_path / "cache")}
    loaded = {name: datasets.load_dataset(str(folder), name, split="train", **cache) for name in SUBSETS}
    assert len(datasets.load_dataset(str(folder), **cache)["train"]) == 3473, "the default is the sensibility subset"
    assert {name: len(loaded[name]) for name in SUBSETS} == {"sensibility": 3473, "rationality": 1805, "discard": 456}
    for row in (loaded["sensibility"][0], loaded["rationality"][-1]):
        for column in ("prompt", "completion"):
            assert trl.data_utils.is_conversational({column: row[column]})
            assert all(set(message) == {"role", "content"} for message in row[column])
        assert row["prompt"][-1]["role"] == "user"
        assert [message["role"] for message in row["completion"]] == ["assistant"]
        assert 0 <= row["sensibility"] <= 10
