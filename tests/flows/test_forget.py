"""A forgotten dialogue: nowhere in a home any more, not back with its source, and the rest as it was."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from flows.commands.look import describe_node, trace
from flows.forgetting import forget, refuse_unknown
from tasks.dialogues import (
    ingest,
    ingest_recipe,
    is_named,
    list_forgotten,
    resolve_source,
)
from tasks.errors import LeaseHeldError, UsageError
from tasks.scoring import hold_lease
from tests.flows.kept_home import SECRET, TALKS, add_models, fill_home, find_text, read_tables


@pytest.fixture
def made(home, ingest_file, write_dialogues, score_corpus, tmp_path):
    return add_models(home, fill_home(home, ingest_file, write_dialogues, score_corpus, tmp_path))


def test_nothing_of_it_is_left_and_the_rest_is_as_it_was(home, made):
    before = read_tables(home.store)
    found = forget(home, "hit:3", print)
    assert find_text(home.settings.home_dir, SECRET) == []
    assert found.n_keys == 1
    own = {key for name, key in made["turns"] if name == "hit:3"} - {key for n, key in made["turns"] if n == "hit:1"}
    left = find_text(home.settings.home_dir, *own)
    assert left == ["rows.parquet"]  # of the model: how one knows that it saw it
    after = read_tables(home.store)
    for name in ("dialogues", "turns", "scores", "quarantine"):
        assert after[name] == [row for row in before[name] if "hit:3" not in row and not any(k in row for k in own)]
    assert len(after["attempts"]) == len(before["attempts"]) - 1
    assert found.models == [f"mixture {made['mixture'].config_digest} m"]
    assert not list(home.settings.home_dir.glob("empathy.duckdb.*"))


def test_artifacts_are_whole_afterwards_and_say_so(home, made):
    forget(home, "hit:3", print)
    for kind in ("dialogues", "scores", "subsets", "mixture"):
        (ref,) = home.artifacts.list_refs(kind)
        home.artifacts.open(ref)
        assert ref.config_digest == made[kind].config_digest
        assert ref.sha256 != made[kind].sha256
        assert home.artifacts.read_manifest(ref.uri)["facts"]["forgotten"] == 1
        for parent in home.artifacts.read_manifest(ref.uri)["parents"]:
            assert home.artifacts.read_ref(parent["uri"]).sha256 == parent["sha256"]
    facts = home.artifacts.read_manifest(made["dialogues"].uri)["facts"]
    n_turns = sum(len(texts) // 2 for name, texts in TALKS.items() if name != "hit:3")
    assert (facts["n_dialogues"], facts["n_turns"], facts["by_split"]) == (3, n_turns, {"train": n_turns})
    counts = home.artifacts.read_manifest(made["subsets"].uri)["facts"]["counts"]
    files = {name: pl.read_parquet(Path(made["subsets"].uri) / f"{name}.parquet", glob=False) for name in counts}
    assert {name: len(rows) for name, rows in files.items()} == counts
    home.artifacts.open(home.artifacts.get_current("mixture"))
    assert home.artifacts.list_refs("report") == []


def test_lineage_says_what_was_forgotten_and_what_is_gone(home, made):
    forget(home, "hit:3", print)
    assert "(1 dialogues forgotten)" in describe_node(trace(home, made["subsets"].uri))
    assert "removed" in describe_node(trace(home, made["report"].uri))


def test_a_dry_run_finds_the_same_and_changes_nothing(home, made):
    files = {path: path.stat().st_mtime_ns for path in home.settings.home_dir.rglob("*.*") if "duckdb" not in path.name}
    dry = forget(home, "hit:3", print, is_dry=True)
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert forget(home, "hit:3", print).describe() == dry.describe()
    assert dry.sources == []
    assert sum(dry.n_replies.values()) == 1
    assert dry.removed == [f"report {made['report'].config_digest}"]


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("split", ["train", "valid"])
def test_an_ingest_of_the_same_source_leaves_it_out(home, tmp_path, split):
    forget(home, "hit:3", print)
    assert list_forgotten(home.artifacts)["hit:3"].turn_keys == []
    source = resolve_source(str(tmp_path / "talks.jsonl"), home.settings.cache_dir)
    left_out = list_forgotten(home.artifacts)
    ref = home.artifacts.produce(ingest_recipe(source, split), lambda folder: ingest(source, split, folder, left_out))
    found = pl.read_parquet(Path(home.artifacts.open(ref)) / "dialogues.parquet", glob=False)["dialogue_id"]
    assert sorted(found) == ["hit:1", "hit:2", "hit:4"]
    assert home.artifacts.read_manifest(ref.uri)["facts"]["n_dialogues"] == 3


def test_a_dialogue_that_is_all_in_quarantine_is_forgotten_too(home, made):
    found = forget(home, "broken", print)
    assert found.artifacts == {f"dialogues {made['dialogues'].config_digest}": {"quarantine.parquet": 1}}
    assert read_tables(home.store)["quarantine"] == []


@pytest.mark.usefixtures("made")
def test_who_was_never_here_is_told(home):
    with pytest.raises(UsageError, match="no dialogue 'nobody'"):
        refuse_unknown(forget(home, "nobody", print, is_dry=True))


@pytest.mark.usefixtures("made")
def test_while_a_run_is_scoring_nothing_is_changed(home):
    (folder,) = home.settings.journal_dir.iterdir()
    with hold_lease(folder, "distilled", "other"), pytest.raises(LeaseHeldError):
        forget(home, "hit:3", print)
    assert list_forgotten(home.artifacts) == {}
    assert find_text(home.settings.home_dir, SECRET)


@pytest.mark.usefixtures("made")
def test_a_batch_under_way_is_ended_first(home):
    (folder,) = home.settings.journal_dir.iterdir()
    with home.store.transaction() as connection:
        query = "SELECT turn_key FROM turns WHERE response = ?"
        (key,) = connection.execute(query, [SECRET]).fetchone()
    (folder / "batch").mkdir()
    (folder / "batch" / "1.questions.jsonl").write_text(f'{{"turn_key": "{key}"}}\n', encoding="utf-8")
    with pytest.raises(UsageError, match="batch under way"):
        forget(home, "hit:3", print)
    assert list_forgotten(home.artifacts) == {}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [('{"dialogue_id": "hit:1"}', True), ("hit:1,2,x", True), ("hit:10,2,x", False), ("a-hit:1,2", False), ("", False)],
)
def test_a_raw_row_names_a_dialogue_by_its_whole_id(raw, expected):
    assert is_named("hit:1", raw) is expected
