"""The home: artifacts noted once with their parents, and the corpus that was ingested."""

import pytest

from tasks.errors import UsageError
from tasks.manifest import Recipe


def make(home, kind, n, parents=()):
    def build(folder):
        (folder / "x").write_text(f"{kind} {n}", encoding="utf-8")
        return {"n_rows": n}

    return home.artifacts.produce(Recipe(kind, 1, {"n": n}, tuple(parents)), build)


def ask(home, query):
    with home.store.transaction() as connection:
        return connection.execute(query).fetchall()


def test_an_artifact_is_noted_once_with_its_parents(home):
    parent = make(home, "dialogues", 1)
    child = make(home, "scores", 2, [parent])
    assert home.record(child) == child
    home.record_all([parent, child])
    rows = ask(home, "SELECT kind, n_rows, parents, config->>'n' FROM artifacts ORDER BY kind")
    assert rows == [("dialogues", 1, [], "1"), ("scores", 2, [f"dialogues/{parent.config_digest}"], "2")]


def test_the_corpus_is_every_ingested_source_oldest_first(home):
    made = [home.record(make(home, "dialogues", n)) for n in (3, 1, 2)]
    home.record(make(home, "scores", 9))
    assert home.list_corpus() == made


def test_a_store_keeps_its_name_wherever_it_is_and_another_has_another(tmp_path, make_home):
    first, second = make_home(tmp_path / "a"), make_home(tmp_path / "b")
    name = first.store_id
    assert (make_home(tmp_path / "a").store_id, len(name)) == (name, 32)
    assert second.store_id != name
    (tmp_path / "a").rename(tmp_path / "moved")
    moved = make_home(tmp_path / "moved")
    assert moved.describe_resource("x", split="train") == {
        "prefect.resource.id": "x", "empathy.store": name, "empathy.split": "train",
    }  # fmt: skip


def test_without_a_corpus_the_person_is_told_to_ingest_one(home):
    with pytest.raises(UsageError, match="No dialogues") as caught:
        home.list_corpus()
    assert "empathy ingest" in caught.value.do


def test_the_turn_files_are_verified_ones(home, tmp_path, write_dialogues, ingest_file):
    ref = ingest_file(home, write_dialogues(tmp_path / "d.jsonl", {"a": ("I won.", "Well done!")}))
    (file,) = home.turn_files([ref])
    assert file == f"{ref.uri}/turns.parquet"


def test_a_source_ingested_again_with_another_split_stands_once(home, ingest_file, write_dialogues, tmp_path):
    path = write_dialogues(tmp_path / "mine.jsonl", {"d1": ["Hi there you.", "Oh hello, friend."]})
    first, second = ingest_file(home, path, "train"), ingest_file(home, path, "valid")
    assert home.list_corpus() == [second]
    home.record(first)
    assert home.list_corpus() == [first]
