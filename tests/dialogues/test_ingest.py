"""The dialogues artifact: its tables, its facts, and that the same source makes the same artifact."""

import json
import logging

import duckdb
import pyarrow.parquet as pq
import pytest

from tasks.artifacts import ArtifactStore
from tasks.chat import to_utterances
from tasks.dialogues import ingest, ingest_recipe, iter_turns, resolve_source
from tasks.errors import ConfigError
from tasks.manifest import hash_file
from tasks.schema import Dialogue, Utterance, make_turn_key

TURNS = [
    {"role": "speaker", "text": "I moved out."},
    {"role": "listener", "text": "How does it feel?"},
    {"role": "speaker", "text": "Strange"},
    {"role": "speaker", "text": "and quiet"},
    {"role": "listener", "text": "Give it time"},
]


@pytest.fixture
def make(tmp_path):
    """Ingest records and return the folder and the facts."""

    def make_artifact(*records, source_split="auto", name="a"):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        folder = tmp_path / name
        folder.mkdir()
        return folder, ingest(resolve_source(str(path), tmp_path / "cache"), source_split, folder)

    return make_artifact


def record(dialogue_id, split=None, turns=TURNS, **fields):
    return {"dialogue_id": dialogue_id, "emotion": "lonely", "turns": turns, "split": split, **fields}


def test_every_listener_utterance_with_one_before_it_is_a_turn():
    utterances = (
        Utterance("listener", "Welcome"),
        Utterance("speaker", "Hi"),
        Utterance("listener", "How are you?"),
        Utterance("listener", "Tell me"),
    )
    turns = list(iter_turns(Dialogue("d", "", "", utterances)))
    assert [(index, turn.response, turn.context) for index, turn in turns] == [
        (3, "How are you?", utterances[:2]),
        (4, "Tell me", utterances[:3]),
    ]
    assert turns[0][1].turn_key == make_turn_key(utterances[:2], "How are you?")


def test_the_tables_hold_the_dialogues_and_their_turns(make):
    folder, facts = make(record("d1", "train", situation="A flat"), record("d2", "test", turns=TURNS[:2]))
    assert pq.read_table(folder / "dialogues.parquet").to_pylist() == [
        {"dialogue_id": "d1", "split": "train", "emotion": "lonely", "situation": "A flat", "n_utterances": 5},
        {"dialogue_id": "d2", "split": "test", "emotion": "lonely", "situation": "", "n_utterances": 2},
    ]
    turns = pq.read_table(folder / "turns.parquet").to_pylist()
    assert [(turn["dialogue_id"], turn["utterance_idx"], turn["split"]) for turn in turns] == [
        ("d1", 2, "train"),
        ("d1", 5, "train"),
        ("d2", 2, "test"),
    ]
    assert turns[1]["prompt"] == [
        {"role": "user", "content": "I moved out."},
        {"role": "assistant", "content": "How does it feel?"},
        {"role": "user", "content": "Strange\nand quiet"},
    ]
    assert turns[1]["response"] == "Give it time"
    assert turns[0]["turn_key"] == make_turn_key(to_utterances(turns[0]["prompt"]), "How does it feel?")
    assert facts["n_rows"] == facts["n_turns"] == 3


def test_the_facts_count_everything(make):
    bad = record("d4", turns=[{"role": "speaker", "text": "x"}, {"role": "robot", "text": "y"}])
    _, facts = make(record("d1", "train"), record("d2", "valid"), "no record", record("d1"), bad)
    assert facts == {
        "n_rows": 4,
        "n_dialogues": 3,
        "n_utterances": 11,
        "n_turns": 4,
        "n_quarantined": 4,
        "by_reason": {"duplicate_dialogue": 1, "one_sided": 1, "unknown_role": 1, "wrong_type": 1},
        "by_split": {"train": 2, "valid": 2},
        "formats": {"jsonl": 1},
        "n_cross_split_texts": 2,
    }


def test_quarantine_is_a_table_that_sql_can_ask(make):
    folder, _ = make(record("d1"), "no record", record("d1"))
    assert duckdb.sql(f"SELECT source, line, reason FROM '{folder}/quarantine.parquet' ORDER BY line").fetchall() == [
        ("a.jsonl", 2, "wrong_type"),
        ("a.jsonl", 3, "duplicate_dialogue"),
    ]


def test_texts_that_stand_in_two_splits_are_listed(make):
    other = [{"role": "speaker", "text": " I  moved out."}, TURNS[1]]  # white space makes no other text
    folder, facts = make(
        record("d1", "train"), record("d2", "test", other), record("d3", "valid", TURNS[:2]), record("d4", "train")
    )
    key = make_turn_key([Utterance("speaker", "I moved out.")], "How does it feel?")
    assert pq.read_table(folder / "cross_split.parquet").to_pylist() == [
        {"turn_key": key, "splits": ["test", "train", "valid"]}
    ]
    assert facts["n_cross_split_texts"] == 1


def test_a_named_split_overrides_the_source(make):
    folder, facts = make(record("d1", "train"), record("d2", "valid"), record("d3"), source_split="test")
    assert facts["by_split"] == {"test": 6}
    assert facts["n_cross_split_texts"] == 0
    assert pq.read_table(folder / "dialogues.parquet")["split"].to_pylist() == ["test"] * 3


def test_without_a_split_the_hash_decides(make):
    _, facts = make(*(record(f"d:{n}") for n in (0, 14, 56)))
    assert facts["by_split"] == {"test": 2, "train": 2, "valid": 2}


def test_an_unknown_split_is_refused(make):
    with pytest.raises(ConfigError):
        make(record("d1"), source_split="holdout")


def test_a_source_without_a_usable_row_gives_empty_tables(make):
    folder, facts = make("nothing", "of use")
    assert (facts["n_dialogues"], facts["n_turns"], facts["n_quarantined"]) == (0, 0, 2)
    assert pq.read_table(folder / "turns.parquet").num_rows == 0
    assert pq.read_table(folder / "cross_split.parquet").num_rows == 0


def test_the_same_source_writes_the_same_bytes(make):
    records = [record(f"d{n}", "train" if n % 2 else "test") for n in range(50)]
    first, second = make(*records, name="first")[0], make(*records, name="second")[0]
    for table in ("dialogues", "turns", "quarantine", "cross_split"):
        assert hash_file(first / f"{table}.parquet") == hash_file(second / f"{table}.parquet")


def test_ingesting_again_finds_the_artifact_and_another_split_makes_another(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(record("d1")))
    store = ArtifactStore(str(tmp_path / "artifacts"), tmp_path / "cache")
    source = resolve_source(str(path), tmp_path / "cache")
    n_builds = 0

    def build(folder, source_split="auto"):
        nonlocal n_builds
        n_builds += 1
        return ingest(source, source_split, folder)

    first = store.produce(ingest_recipe(source, "auto"), build)
    again = store.produce(ingest_recipe(resolve_source(str(path), tmp_path / "cache"), "auto"), build)
    assert (again, n_builds, first.kind, first.n_rows) == (first, 1, "dialogues", 2)
    assert store.produce(ingest_recipe(source, "test"), build).config_digest != first.config_digest
    assert sorted(path.name for path in store.open(first).iterdir()) == [
        "cross_split.parquet",
        "dialogues.parquet",
        "manifest.json",
        "quarantine.parquet",
        "turns.parquet",
    ]


def test_progress_counts_bytes_up_to_the_end(make, caplog):
    caplog.set_level(logging.INFO, logger="empathy.progress")
    make(*(record(f"d{n}", situation="word " * 400) for n in range(1000)))
    done = [(entry.done, entry.total) for entry in caplog.records if entry.step == "read dialogues"]
    assert len(done) >= 3
    assert done == sorted(done)
    assert done[-1][0] == done[-1][1] > 2_000_000
