"""Exports of EmpatheticDialogues by CSV writers, healthy and damaged."""

import csv
import io

import pytest

from tasks.dialogues import Format, resolve_source

ROWS = [
    ("a", 1, 'My boss said "well done", and smiled'),
    ("a", 2, "That is great_comma_ what for?"),
    ("b", 1, "A quiet day."),
    ("b", 2, '"Quiet" can be good'),
]


def write_csv(rows, quoting=csv.QUOTE_MINIMAL, line_end="\r\n"):
    out = io.StringIO(newline="")
    csv.writer(out, quoting=quoting, lineterminator=line_end).writerows(rows)
    return out.getvalue()


def to_export(original: str, quoting=csv.QUOTE_MINIMAL, line_end="\r\n") -> str:
    """Do to an original file what a library did that read it with quoting on."""
    rows = list(csv.reader(io.StringIO(original, newline="")))
    return write_csv([(row + [""] * 8)[: max(8, len(row))] for row in rows], quoting, line_end)


def as_rows(original: str) -> list[list[str]]:
    return [line.split(",") for line in original.splitlines()]


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_a_healthy_export_reads_as_the_original(read, original_csv, quoting, line_end):
    texts = [[text.replace("_comma_", ",") for *_, text in ROWS[:2]], [text for *_, text in ROWS[2:]]]
    header, *rows = as_rows(original_csv(*((c, i, "X") for c, i, _ in ROWS)))
    for row, (_, _, text) in zip(rows, ROWS, strict=True):
        row[5] = text
    reading = read("a.csv", write_csv([header, *rows], quoting, line_end))
    assert reading.texts == texts
    assert reading.rejected == []


def test_a_line_break_inside_a_text_is_part_of_the_text(read, original_csv):
    header, first, second = as_rows(original_csv(("a", 1, "X"), ("a", 2, "Y")))
    first[5] = "One line\nand, well, another"
    reading = read("a.csv", write_csv([header, first, second]))
    assert reading.texts == [["One line\nand, well, another", "Y"]]
    assert reading.rejected == []


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_swallowed_lines_are_recovered_and_the_record_reported(read, original_csv, tmp_path, quoting):
    original = original_csv(
        ("a", 1, '"I was late again'),
        ("a", 2, "How come?"),
        ("b", 1, "My cat came home."),
        ("b", 2, 'She said "hello" in her way'),
        ("c", 1, "So it goes"),
        ("c", 2, "It does"),
    )
    damaged = to_export(original, quoting)
    path = tmp_path / "damaged.csv"
    path.write_bytes(damaged.encode())
    assert resolve_source(str(path), tmp_path).files[0].format == Format.CSV_QUOTED

    reading = read("a.csv", damaged)
    assert reading.texts == [
        ['"I was late again', "How come?"],
        ["My cat came home.", 'She said hello" in her way'],  # where the swallowing ended is not known any more
        ["So it goes", "It does"],
    ]
    assert reading.reasons == [(2, "swallowed_lines")]
    assert "My cat came home." in reading.rejected[0].raw


def test_the_padding_after_a_swallowed_ninth_column_is_taken_off(read, original_csv):
    original = original_csv(
        ("a", 1, '"I was late again'),
        'a,2,joyful,S,2,How come?,5|5|5_5|5|5,,one candidate|another "one"',
        ("b", 1, "x"),
        ("b", 2, "y"),
    )
    reading = read("a.csv", to_export(original))
    assert reading.texts == [['"I was late again', "How come?"], ["x", "y"]]
    assert reading.reasons == [(2, "swallowed_lines")]


def test_a_swallowed_line_that_is_no_row_is_reported_by_itself(read, original_csv):
    original = original_csv(
        ("a", 1, '"I was late again'),
        ("a", 2, "How come?"),
        ("a", 3, "The bus, of course"),
        ("b", 1, 'said "no'),
        ("b", 2, "Oh"),
    )
    reading = read("a.csv", to_export(original))
    assert reading.texts == [['"I was late again', "How come?"], ["said no", "Oh"]]
    assert reading.reasons == [(2, "swallowed_lines"), (4, "swallowed_lines")]
    assert "The bus, of course" in reading.rejected[1].raw


def test_a_quote_that_never_closes_costs_no_other_row(read, original_csv):
    rows = as_rows(original_csv(*((f"c{n}", i, f"Text {n} {i}") for n in range(20) for i in (1, 2))))
    text = write_csv(rows, csv.QUOTE_ALL).replace('"Text 3 1"', '"Text 3 1')
    reading = read("a.csv", text)
    kept = [text for texts in reading.texts for text in texts]
    assert len(kept) >= 38
    everything = "\n".join([*kept, *(rejected.raw for rejected in reading.rejected)])
    assert all(f"Text {n} {i}" in everything for n in range(20) for i in (1, 2))


def test_undecodable_bytes_inside_an_open_quote_are_reported_alone(read, original_csv):
    rows = as_rows(original_csv(("a", 1, "One"), ("a", 2, "Two"), ("b", 1, "Three"), ("b", 2, "Four")))
    content = write_csv(rows, csv.QUOTE_ALL).replace('"One"', '"One').encode().replace(b"Two", b"T\xffwo")
    reading = read("a.csv", content)
    assert reading.texts[-1] == ["Three", "Four"]
    assert (3, "undecodable") in reading.reasons


def test_an_original_with_windows_line_ends_is_read_right_whoever_reads_it(read, original_csv):
    original = original_csv(
        ("a", 1, '"I was late'), ("a", 2, "Why?"), ("b", 1, 'a "b" c'), ("b", 2, "d"), ("c", 1, "e")
    )
    assert read("a.csv", original.replace("\n", "\r\n")).texts == read("b.csv", original).texts
