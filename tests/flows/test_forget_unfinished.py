"""A dialogue whose forgetting was killed, is hindered, or cannot be brought to its end at once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from flows.forgetting import forget, refuse_unknown
from flows.forgetting.redacting import NEXT, count_rows, finish, redact
from flows.forgetting.traces import find_traces
from flows.keeping import back_up, restore
from tasks.dialogues import Forgotten, keep_forgotten, list_forgotten
from tasks.errors import UsageError
from tasks.manifest import MANIFEST, Recipe
from tests.flows.kept_home import SECRET, add_models, fill_home, find_text


@pytest.fixture
def made(home, ingest_file, write_dialogues, score_corpus, tmp_path):
    return add_models(home, fill_home(home, ingest_file, write_dialogues, score_corpus, tmp_path))


def test_a_kill_between_the_files_is_brought_to_its_end(home, made, tmp_path, make_home):
    back_up(home, tmp_path / "kept")
    forget(home, "hit:3", print)
    other = make_home(tmp_path / "other")
    restore(other, tmp_path / "kept", print)
    torn = Path(other.artifacts.list_refs("subsets")[0].uri)
    done = Path(made["subsets"].uri)
    for path in done.iterdir():  # as if killed after the first file took its place
        (torn / (path.name if path.name == "discard.parquet" else f"{path.name}{NEXT}")).write_bytes(path.read_bytes())
    finish(other.artifacts, str(torn))
    assert not list(torn.glob(f"*{NEXT}"))
    assert (torn / MANIFEST).read_bytes() == (done / MANIFEST).read_bytes()
    other.artifacts.open(other.artifacts.read_ref(str(torn)))


def break_off(home, dialogue_id):
    """Leave a home as a kill does after the rows are out, and before any artifact or note is told of it."""
    traces = find_traces(home.artifacts, dialogue_id)
    note = Forgotten(dialogue_id=dialogue_id, forgotten_at="2026-01-01T00:00:00+00:00", turn_keys=sorted(traces.keys))
    keep_forgotten(home.artifacts, note)
    for ref in [ref for kind in home.artifacts.list_kinds() for ref in home.artifacts.list_refs(kind)]:
        if rows := {} if ref.kind == "report" else count_rows(home.artifacts, ref, traces):
            redact(home.artifacts, ref, traces, rows)


@pytest.mark.usefixtures("made")
def test_a_kill_before_others_name_what_changed_is_brought_to_its_end(home):
    break_off(home, "hit:3")
    refuse_unknown(forget(home, "hit:3", print, is_dry=True))
    forget(home, "hit:3", print)
    for kind in ("dialogues", "scores", "subsets", "mixture"):
        (ref,) = home.artifacts.list_refs(kind)
        for parent in home.artifacts.read_manifest(ref.uri)["parents"]:
            assert home.artifacts.read_ref(parent["uri"]).sha256 == parent["sha256"]
    home.artifacts.open(home.artifacts.get_current("subsets"))
    home.artifacts.open(home.artifacts.get_current("mixture"))
    assert home.artifacts.list_refs("report") == []
    assert find_text(home.settings.home_dir, SECRET) == []
    assert list_forgotten(home.artifacts)["hit:3"].is_done


@pytest.mark.usefixtures("made")
def test_a_quarantined_dialogue_begun_to_be_forgotten_is_not_unknown(home):
    break_off(home, "broken")
    refuse_unknown(forget(home, "broken", print, is_dry=True))
    forget(home, "broken", print)
    assert list_forgotten(home.artifacts)["broken"].is_done


def test_a_look_puts_right_what_a_kill_left_half_replaced(home, made, make_home, tmp_path):
    back_up(home, tmp_path / "kept")
    forget(home, "hit:3", print)
    other = make_home(tmp_path / "other")
    restore(other, tmp_path / "kept", print)
    torn = Path(other.artifacts.list_refs("subsets")[0].uri)
    for path in Path(made["subsets"].uri).iterdir():
        (torn / (path.name if path.name == "discard.parquet" else f"{path.name}{NEXT}")).write_bytes(path.read_bytes())
    assert forget(other, "hit:3", print, is_dry=True).n_keys == 1
    assert not list(torn.glob(f"*{NEXT}"))


@pytest.mark.usefixtures("made")
def test_while_an_artifact_is_being_made_nothing_is_changed(home):
    staging = Path(home.artifacts.root, "responses", f".tmp-0123abcd-{os.getpid()}-89abcdef")
    staging.mkdir(parents=True)
    with pytest.raises(UsageError, match="making an artifact of the kind responses"):
        forget(home, "hit:3", print)
    assert list_forgotten(home.artifacts) == {}
    os.utime(staging, (1, 1))  # older than the process: of another that had its number
    forget(home, "hit:3", print)
    assert list_forgotten(home.artifacts)["hit:3"].is_done


@pytest.mark.usefixtures("made")
def test_older_databases_are_kept_where_something_cannot_be_read_anew(home):
    def build(folder):
        pl.DataFrame({"other": [1]}).write_parquet(folder / "metrics.parquet")
        return {}

    unreadable = home.artifacts.produce(Recipe("evaluation", 99, {}), build)
    said = []
    forget(home, "hit:3", said.append)
    assert list(home.settings.home_dir.glob("empathy.duckdb.2*"))
    assert "may still hold the dialogue" in said[-1]
    shutil.rmtree(unreadable.uri)
    forget(home, "hit:3", said.append)
    assert not list(home.settings.home_dir.glob("empathy.duckdb.*"))
    assert list_forgotten(home.artifacts)["hit:3"].is_done
