"""Whatever bytes a file holds: only SourceError is ever raised, and no line vanishes."""

import codecs
import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.dialogues import Format, Reason, Rejected, Source, SourceFile, read_dialogues
from tasks.dialogues.csv_quoted import split_quoted
from tasks.errors import SourceError
from tasks.schema import Dialogue

HEADER = b"conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags\n"

# Pieces that a reader stumbles over, so that random files come near to real ones.
MARKS = [b",", b'"', b'""', b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"a", b"1", b"_comma_", b" "]
ROWS = [b"\na,1,joy,S,1,Hi,,", b"\na,2,joy,S,2,You,,", b'\nb,1,joy,S,1,"Oh,,', b'\n"b","2","joy","S","2","No","",""\n']
pieces = st.sampled_from([*MARKS, *ROWS])
messy_bytes = st.one_of(st.binary(max_size=200), st.lists(pieces, max_size=60).map(b"".join))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("any")


def count_lines(content: bytes) -> int:
    return sum(bool(line.decode("utf-8", "backslashreplace").strip()) for line in content.split(b"\n"))


@given(st.sampled_from(["csv", "jsonl", "parquet", "zip", "tar.gz", "txt"]), messy_bytes)
@settings(max_examples=200, deadline=None)
def test_any_file_reads_or_raises_a_source_error(read, suffix, content):
    caught = None
    try:
        read(f"any.{suffix}", content)
    except SourceError as error:
        caught = error
    assert caught is None or (caught.what and caught.where)


def read_as(folder, csv_format: Format, content: bytes) -> tuple[list[Dialogue], list[Rejected]]:
    """Read bytes with one CSV reader, whatever the bytes look like."""
    path = folder / "rows.csv"
    path.write_bytes(content)
    file = SourceFile(path, path.name, csv_format, None, len(content))
    items = list(read_dialogues(Source("rows", (file,), (), "")))
    return (
        [item for item in items if isinstance(item, Dialogue)],
        [item for item in items if isinstance(item, Rejected)],
    )


@given(messy_bytes)
@settings(max_examples=400, deadline=None)
def test_each_line_of_an_original_csv_is_kept_or_quarantined(folder, content):
    dialogues, rejected = read_as(folder, Format.CSV_ORIGINAL, HEADER + content)
    n_kept = sum(len(dialogue.utterances) for dialogue in dialogues)
    n_put_aside = sum(entry.reason != Reason.ONE_SIDED for entry in rejected)
    assert n_kept + n_put_aside == count_lines(content)


noise = st.lists(st.sampled_from([",", '"', '""', "x", " ", "\n", "\r\n", '",', ',"', '","']), max_size=4).map("".join)
rows = st.tuples(st.sampled_from("abc"), st.integers(1, 4), st.booleans(), noise, st.sampled_from(["\n", "\r\n"]))


@given(st.lists(rows, max_size=25))
@settings(max_examples=400, deadline=None)
def test_each_row_of_a_quoted_csv_is_kept_or_quarantined(folder, rows):
    content = HEADER.decode()
    for number, (dialogue_id, index, is_quoted, tail, line_end) in enumerate(rows):
        quote = '"' if is_quoted else ""
        content += f"{quote}{dialogue_id}{quote},{index},joy,S,1,{quote}<{number}>{tail}{quote},,{line_end}"
    dialogues, rejected = read_as(folder, Format.CSV_QUOTED, content.encode())
    found = "".join(text for dialogue in dialogues for _, text in dialogue.utterances)
    found += "".join(entry.raw for entry in rejected)
    assert [number for number in range(len(rows)) if f"<{number}>" not in found] == []


@given(messy_bytes)
@settings(max_examples=200, deadline=None)
def test_any_bytes_as_a_quoted_csv_leave_a_trace(folder, content):
    dialogues, rejected = read_as(folder, Format.CSV_QUOTED, HEADER + content)
    assert bool(dialogues or rejected) == bool(count_lines(content))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=10), min_size=1, max_size=6))
def test_what_a_csv_writer_wrote_is_split_as_it_was(fields):
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="").writerow(fields)
    assert split_quoted(out.getvalue()) == fields


@given(
    st.lists(
        st.one_of(messy_bytes.map(lambda content: content.replace(b"\n", b"")), st.binary(max_size=30)), max_size=20
    )
)
@settings(max_examples=200, deadline=None)
def test_each_line_of_a_jsonl_is_kept_or_quarantined(read, lines):
    good = json.dumps(
        {"dialogue_id": "d", "turns": [{"role": "speaker", "text": "x"}, {"role": "listener", "text": "y"}]}
    )
    content = b"\n".join([*lines, good.encode()])
    reading = read("rows.jsonl", content)
    assert len(reading.dialogues) + len(reading.rejected) == count_lines(content.removeprefix(codecs.BOM_UTF8))
