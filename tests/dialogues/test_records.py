"""Dialogues as records: JSON Lines and Parquet hold the same and read the same."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import SourceError

TURNS = [
    {"role": "speaker", "text": " I moved out. "},
    {"role": "listener", "text": "How does it feel?"},
    {"role": "speaker", "text": "Strange"},
]
GOOD = {"dialogue_id": "d1", "emotion": "lonely", "situation": "A new flat", "turns": TURNS}


def to_jsonl(*records) -> str:
    return "".join((record if isinstance(record, str) else json.dumps(record)) + "\n" for record in records)


def test_a_record_becomes_a_dialogue(read):
    (dialogue,) = read("a.jsonl", to_jsonl(GOOD)).dialogues
    assert (dialogue.dialogue_id, dialogue.emotion, dialogue.situation) == ("d1", "lonely", "A new flat")
    assert dialogue.utterances == (
        ("speaker", "I moved out."),
        ("listener", "How does it feel?"),
        ("speaker", "Strange"),
    )
    assert dialogue.split is None


@pytest.mark.parametrize(
    ("name", "split"),
    [("train", "train"), ("validation", "valid"), ("Dev", "valid"), ("test", "test"), (None, None), ("", None)],
)
def test_the_split_of_a_record_is_kept(read, name, split):
    (dialogue,) = read("a.jsonl", to_jsonl({**GOOD, "split": name})).dialogues
    assert dialogue.split == split


def test_emotion_and_situation_may_be_missing_and_an_id_may_be_a_number(read):
    (dialogue,) = read("a.jsonl", to_jsonl({"dialogue_id": 7, "turns": TURNS, "emotion": None})).dialogues
    assert (dialogue.dialogue_id, dialogue.emotion, dialogue.situation) == ("7", "", "")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{broken", "bad_json"),
        ("9" * 5000, "bad_json"),
        ("[" * 100_000, "bad_json"),
        ("[]", "wrong_type"),
        ('"text"', "wrong_type"),
        ({**GOOD, "dialogue_id": None}, "missing_field"),
        ({**GOOD, "dialogue_id": ""}, "missing_field"),
        ({**GOOD, "dialogue_id": True}, "wrong_type"),
        ({**GOOD, "emotion": 3}, "wrong_type"),
        ({**GOOD, "situation": "nul \0 byte"}, "nul_byte"),
        ({**GOOD, "dialogue_id": "half \ud800 pair"}, "undecodable"),
        ({**GOOD, "split": "holdout"}, "unknown_split"),
        ({**GOOD, "turns": None}, "missing_field"),
        ({**GOOD, "turns": "text"}, "wrong_type"),
        ({**GOOD, "turns": []}, "no_utterances"),
        ({**GOOD, "turns": [{"role": "narrator", "text": "x"}]}, "unknown_role"),
        ({**GOOD, "turns": ["x"]}, "wrong_type"),
        ({**GOOD, "turns": [{"role": "speaker"}]}, "missing_field"),
        ({**GOOD, "turns": [{"text": "x"}]}, "missing_field"),
        ({**GOOD, "turns": [{"role": "speaker", "text": "  "}]}, "empty_text"),
    ],
)
def test_a_record_that_cannot_be_used_is_quarantined_and_the_next_is_read(read, line, reason):
    reading = read("a.jsonl", to_jsonl(line, {**GOOD, "dialogue_id": "next"}))
    assert [dialogue.dialogue_id for dialogue in reading.dialogues] == ["next"]
    assert reading.reasons == [(1, reason)]


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        ({"role": "narrator", "text": "x"}, "unknown_role"),
        ({"role": "listener", "text": ""}, "empty_text"),
        ({"role": "listener", "text": "\ud800"}, "undecodable"),
    ],
)
def test_a_dialogue_is_kept_up_to_its_first_bad_message(read, turn, reason):
    reading = read("a.jsonl", to_jsonl({**GOOD, "turns": [*TURNS, turn, *TURNS]}))
    assert reading.texts == [["I moved out.", "How does it feel?", "Strange"]]
    assert reading.reasons == [(1, reason)]


def test_a_one_sided_record_is_counted_and_quarantined(read):
    reading = read("a.jsonl", to_jsonl({**GOOD, "turns": TURNS[:1] * 3}))
    assert [len(dialogue.utterances) for dialogue in reading.dialogues] == [3]
    assert reading.reasons == [(1, "one_sided")]


def test_the_second_record_of_an_id_is_a_duplicate(read):
    reading = read("a.jsonl", to_jsonl(GOOD, {**GOOD, "dialogue_id": "d2"}, GOOD))
    assert [dialogue.dialogue_id for dialogue in reading.dialogues] == ["d1", "d2"]
    assert reading.reasons == [(3, "duplicate_dialogue")]


def test_an_id_whose_first_record_was_useless_is_no_duplicate(read):
    reading = read("a.jsonl", to_jsonl({**GOOD, "turns": []}, GOOD))
    assert [dialogue.dialogue_id for dialogue in reading.dialogues] == ["d1"]
    assert reading.reasons == [(1, "no_utterances")]


def test_a_line_that_is_not_utf8_is_quarantined_with_its_bytes(read):
    reading = read("a.jsonl", b'{"dialogue_id": "\xff"}\n' + to_jsonl(GOOD).encode())
    assert len(reading.dialogues) == 1
    assert reading.rejected[0] == ("a.jsonl", 1, "undecodable", '{"dialogue_id": "\\xff"}')


def test_parquet_reads_as_the_same_records(read, read_path, tmp_path):
    records = [{**GOOD, "dialogue_id": f"d{n}", "split": ["train", "dev", None][n % 3]} for n in range(700)]
    records[3] = {**records[3], "turns": [{"role": "narrator", "text": "x"}]}
    records[5] = {**records[5], "emotion": None}
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "a.parquet")
    reading = read_path(tmp_path / "a.parquet")
    assert reading.dialogues == read("a.jsonl", to_jsonl(*records)).dialogues
    assert len(reading.dialogues) == 699
    assert reading.reasons == [(4, "unknown_role")]
    assert json.loads(reading.rejected[0].raw)["dialogue_id"] == "d3"


def test_parquet_needs_neither_emotion_nor_situation(read_path, tmp_path):
    pq.write_table(pa.Table.from_pylist([{"dialogue_id": "d", "turns": TURNS}]), tmp_path / "a.parquet")
    assert [len(dialogue.utterances) for dialogue in read_path(tmp_path / "a.parquet").dialogues] == [3]


def test_a_parquet_row_that_is_not_utf8_is_quarantined_alone(read_path, tmp_path):
    roles, texts = pa.array(["speaker", "listener"] * 2), pa.array([b"One", b"Tw\xff", b"Three", b"Four"])
    offsets, buffer = texts.buffers()[1:]
    struct = pa.StructArray.from_arrays([roles, pa.StringArray.from_buffers(4, offsets, buffer)], ["role", "text"])
    turns = pa.ListArray.from_arrays(pa.array([0, 2, 4], pa.int32()), struct)
    pq.write_table(pa.table({"dialogue_id": ["a", "b"], "turns": turns}), tmp_path / "a.parquet")
    reading = read_path(tmp_path / "a.parquet")
    assert reading.texts == [["Three", "Four"]]
    assert reading.reasons == [(1, "undecodable")]


@pytest.mark.parametrize(
    "table",
    [
        {"dialogue_id": ["a"], "turns": ["text"]},
        {"dialogue_id": ["a"], "turns": [["text"]]},
        {"dialogue_id": ["a"], "turns": [[{"role": "speaker"}]]},
        {"turns": [TURNS]},
        {"x": [1]},
    ],
)
def test_parquet_without_the_columns_is_refused_with_what_it_has(read_path, tmp_path, table):
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match="lacks columns: it has") as caught:
        read_path(tmp_path / "a.parquet")
    assert "turns: list<struct<role: string, text: string>>" in caught.value.do


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_parquet_file_that_is_cut_is_refused(read_path, tmp_path, keep):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist([GOOD] * 100), path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)] or b"PAR")
    with pytest.raises(SourceError, match="cannot be read") as caught:
        read_path(path)
    assert caught.value.where == str(path)


def test_damaged_pages_of_a_parquet_file_are_refused_not_passed_over(read_path, tmp_path):
    path = tmp_path / "a.parquet"
    records = [{**GOOD, "dialogue_id": f"d{n}"} for n in range(5000)]
    pq.write_table(pa.Table.from_pylist(records), path, compression="zstd", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[100:2000] = b"\x00" * 1900
    path.write_bytes(content)
    with pytest.raises(SourceError, match="cannot be read"):
        read_path(path)
