"""The database is an index: deleted, it is made again from segments and artifacts, row by row the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.rebuild_database import rebuild_database
from tasks.errors import LeaseHeldError
from tasks.manifest import MANIFEST, Recipe, hash_of_manifest
from tasks.scoring import hold_lease
from tests.flows.kept_home import fill_home, read_tables


@pytest.fixture
def made(home, ingest_file, write_dialogues, score_corpus, tmp_path):
    return fill_home(home, ingest_file, write_dialogues, score_corpus, tmp_path)


def age(ref, change):
    """Rewrite a manifest as another version would have written it."""
    file = Path(ref.uri) / MANIFEST
    manifest = json.loads(file.read_text(encoding="utf-8"))
    change(manifest)
    manifest["sha256"] = hash_of_manifest(manifest)
    file.write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.usefixtures("made")
def test_a_deleted_database_is_rebuilt_equal_table_by_table(home):
    before = read_tables(home.store)
    home.store.path.unlink()
    rebuilt = rebuild_database(home, print)
    assert rebuilt.passed_over == []
    assert read_tables(home.store) == before
    assert all(before[name] for name in before), {name: len(rows) for name, rows in before.items()}


def test_artifacts_of_every_kind_are_noted_again(home, made):
    def build(folder):
        (folder / "x").write_text("x", encoding="utf-8")
        return {"n_rows": 1}

    home.record(home.artifacts.produce(Recipe("active-round", 1, {}), build))
    home.artifacts.write_note("runs", "1", "{}")
    assert rebuild_database(home, print).counts["artifacts"] == len(made) + 1


def test_subsets_of_a_version_without_the_thresholds_as_a_fact_are_indexed(home, made):
    before = read_tables(home.store)["subsets"]
    age(made["subsets"], lambda manifest: manifest["facts"].pop("thresholds"))
    assert rebuild_database(home, print).passed_over == []
    assert read_tables(home.store)["subsets"] == before


def test_what_cannot_be_indexed_is_told_and_the_rest_is_there(home, made):
    before = read_tables(home.store)
    age(made["subsets"], lambda manifest: manifest["facts"].pop("counts"))
    rebuilt = rebuild_database(home, print)
    assert rebuilt.passed_over == [f"subsets {made['subsets'].config_digest}: KeyError: 'counts'"]
    after = read_tables(home.store)
    assert after.pop("subsets") == []
    assert {name: len(rows) for name, rows in after.items()} == {
        name: len(rows) for name, rows in before.items() if name != "subsets"
    }


def test_a_damaged_artifact_is_passed_over(home, made):
    (Path(made["evaluation"].uri) / "metrics.parquet").write_bytes(b"damaged")
    (Path(made["scores"].uri) / MANIFEST).write_text("{", encoding="utf-8")
    rebuilt = rebuild_database(home, print)
    assert [line.split()[0] for line in rebuilt.passed_over] == ["scores", "evaluation", "subsets"]
    assert rebuilt.counts["scores"] > 0


@pytest.mark.usefixtures("made")
def test_while_a_run_is_scoring_nothing_is_rebuilt_and_the_database_stays(home):
    content = home.store.path.read_bytes()
    (folder,) = home.settings.journal_dir.iterdir()
    with hold_lease(folder, "distilled", "other"), pytest.raises(LeaseHeldError):
        rebuild_database(home, print)
    assert home.store.path.read_bytes() == content
