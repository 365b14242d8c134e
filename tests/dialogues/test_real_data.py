"""EmpatheticDialogues itself, where it stands beside the clone: exact counts, and no row lost."""

import csv
import time
from collections import Counter

import pyarrow.parquet as pq
import pytest

from tasks.dialogues import Format, ingest, iter_turns, resolve_source


@pytest.fixture(scope="session")
def official(shared_data, tmp_path_factory):
    """The three official files ingested as one directory: the artifact's folder, its facts and the CPU seconds."""
    corpus, folder = tmp_path_factory.mktemp("corpus"), tmp_path_factory.mktemp("artifact")
    for split in ("train", "valid", "test"):
        (corpus / f"{split}.csv").symlink_to(shared_data / "ed" / f"{split}.csv")
    started = time.process_time()
    facts = ingest(resolve_source(str(corpus), folder), "auto", folder)
    return folder, facts, time.process_time() - started


@pytest.mark.parametrize(
    ("split", "n_dialogues", "n_rows", "n_turns", "n_distinct"),
    [
        ("valid", 2770, 12_078, 5738, 5738),
        ("test", 2547, 10_973, 5259, 5259),
        ("train", 19_541, 84_204, 40_270, 40_247),
    ],
)
def test_the_official_files_have_the_known_counts(official, split, n_dialogues, n_rows, n_turns, n_distinct):
    folder, facts, _ = official
    of_split = [("split", "==", split)]
    dialogues = pq.read_table(folder / "dialogues.parquet", filters=of_split)
    turns = pq.read_table(folder / "turns.parquet", filters=of_split)
    assert (dialogues.num_rows, sum(dialogues["n_utterances"].to_pylist())) == (n_dialogues, n_rows)
    assert (turns.num_rows, len(set(turns["turn_key"].to_pylist()))) == (n_turns, n_distinct)
    assert facts["by_split"][split] == n_turns
    assert all(index % 2 == 0 for index in turns["utterance_idx"].to_pylist())


def test_the_official_files_lose_no_row(official):
    """Three dialogues have one utterance: they count as dialogues, give no turn, and stand in quarantine."""
    _, facts, _ = official
    assert facts["n_utterances"] == 84_204 + 12_078 + 10_973
    assert facts["by_reason"] == {"one_sided": 3}
    assert facts["formats"] == {"csv_original": 3}


def test_the_official_files_take_seconds(official):
    *_, cpu_seconds = official
    assert cpu_seconds < 30


def test_texts_of_the_official_files_that_stand_in_two_splits_are_listed(official):
    folder, facts, _ = official
    table = pq.read_table(folder / "cross_split.parquet")
    assert facts["n_cross_split_texts"] == 1
    assert table["splits"].to_pylist() == [["train", "valid"]]


def test_rows_with_nine_columns_lose_nothing(shared_data, read_path):
    """The 14 rows are all of listeners, so their dialogues are counted and the rows named as one-sided."""
    reading = read_path(shared_data / "ed" / "nine_columns.csv")
    rows = [line.split(",") for line in (shared_data / "ed" / "nine_columns.csv").read_text().splitlines()[1:]]
    assert [text for texts in reading.texts for text in texts] == [
        row[5].replace("_comma_", ",").strip() for row in rows
    ]
    assert len(reading.dialogues) == 9
    assert reading.reasons == [(line, "one_sided") for line in range(2, 16)]


def test_the_damaged_export_gives_back_every_row_of_the_original(shared_data, read_path, tmp_path):
    path = shared_data / "ed" / "valid_damaged_export.csv"
    assert resolve_source(str(path), tmp_path).files[0].format == Format.CSV_QUOTED
    damaged, original = read_path(path), read_path(shared_data / "ed" / "valid.csv")
    assert damaged.dialogues == original.dialogues
    swallowing = [rejected for rejected in damaged.rejected if rejected.reason == "swallowed_lines"]
    assert [(rejected.line, rejected.raw.count("\n")) for rejected in swallowing] == [
        (4342, 17),
        (5171, 1),
        (8362, 3),
        (9098, 16),
        (10496, 11),
    ]


def test_an_export_of_train_damaged_in_the_same_way_lacks_only_quotation_marks(shared_data, read_path, tmp_path):
    original = shared_data / "ed" / "train.csv"
    with original.open(newline="") as file, (tmp_path / "export.csv").open("w", newline="") as out:
        csv.writer(out, quoting=csv.QUOTE_ALL).writerows(csv.reader(file))
    expected, reading = read_path(original), read_path(tmp_path / "export.csv")
    assert [dialogue.dialogue_id for dialogue in reading.dialogues] == [d.dialogue_id for d in expected.dialogues]
    assert without_quotes(reading.texts) == without_quotes(expected.texts)
    assert Counter(rejected.reason for rejected in reading.rejected) == {"swallowed_lines": 52, "one_sided": 2}


def without_quotes(texts):
    return [[text.replace('"', "") for text in dialogue] for dialogue in texts]


def test_all_odd_conversations_are_kept_or_named(shared_data, read_path):
    reading = read_path(shared_data / "ed" / "messy.csv")
    with (shared_data / "ed" / "messy_reasons.csv").open(newline="") as file:
        why = {row["conv_id"]: row["reasons"] for row in csv.DictReader(file)}
    assert {dialogue.dialogue_id for dialogue in reading.dialogues} == set(why)
    assert sum(map(len, reading.texts)) == 1011
    one_speaker = [conv_id for conv_id, reasons in why.items() if "one speaker" in reasons]
    assert [rejected.raw.split(",")[0] for rejected in reading.rejected] == one_speaker
    assert {rejected.reason for rejected in reading.rejected} == {"one_sided"}
    assert sum(1 for dialogue in reading.dialogues for _ in iter_turns(dialogue)) == 464
