"""A sheet between two programs: no formula, nothing lost, and what comes back wrong is told row by row."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.errors import SourceError, UsageError
from tasks.judges.audit.guard import guard_cell, unguard_cell
from tasks.judges.audit.returned import check_rows, decode, is_same, read_number, read_sheet
from tasks.judges.audit.sheet import (
    ASKED,
    GIVEN,
    MOST_LETTERS,
    check_new_sheet,
    show_context,
    show_response,
    write_sheet,
)

HOSTILE = (
    '=HYPERLINK("http://evil.example";"click")', "+1", "-2+3", "@SUM(A1)", "'=quoted", "''@x", "＝1", ";-) fine",
    "well;=1+1;", "a;  @b", "tab\t=1", 'she said "no", twice', "🙂 sí — ok", "-) odd", "", "plain",
)  # fmt: skip
TEXT = st.text(st.sampled_from("=+-@'; \t\nab＝)") | st.characters(exclude_categories=("Cs",)), max_size=40)


def make_rows(texts):
    return [
        {"turn_key": f"{n:064x}", "dialogue_id": f"-d{n}", "utterance_idx": 2, "emotion": "proud",
         "context": show_context([{"role": "user", "content": f"={text}"}]), "response": show_response(text)}
        for n, text in enumerate(texts)
    ]  # fmt: skip


def read_cells(path):
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def save_again(path, fill, delimiter=",", encoding="utf-8-sig", newline="\r\n"):
    """Fill a sheet in as `fill(number)` says, and write it as another program would."""
    rows = read_cells(path)
    for number, row in enumerate(rows):
        row.update(fill(number))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter, lineterminator=newline)
    writer.writeheader()
    writer.writerows(rows)
    text = out.getvalue().replace("\n", newline) if newline == "\r" else out.getvalue()
    path.write_bytes(text.encode(encoding, "replace"))
    return path


@pytest.fixture
def sheet(tmp_path):
    """A sheet of hostile texts and, by turn_key, what was written on it."""
    rows = make_rows(HOSTILE)
    write_sheet(rows, tmp_path / "sheet.csv")
    return tmp_path / "sheet.csv", {row["turn_key"]: row for row in rows}


@given(TEXT)
@example("=")
@example(";'=")
@example("''' =x;\t-y")
def test_a_guarded_text_is_no_formula_and_comes_back_as_it_was(text):
    guarded = guard_cell(text)
    assert unguard_cell(guarded) == text
    for cell in guarded.replace("\t", ";").split(";"):
        assert cell.strip()[:1] not in ("=", "+", "@", "＝") or cell.strip().startswith("'")


@given(
    st.lists(TEXT, min_size=1, max_size=5), st.sampled_from(",;\t"), st.sampled_from(["utf-8-sig", "utf-8", "utf-16"])
)
def test_any_text_goes_through_a_spreadsheet_and_back(tmp_path_factory, texts, delimiter, encoding):
    rows = make_rows(texts)
    path = tmp_path_factory.mktemp("s") / "sheet.csv"
    write_sheet(rows, path)
    save_again(path, lambda _: {"sensibility": "7"}, delimiter, encoding)
    answers = check_rows(read_sheet(path), {row["turn_key"]: row for row in rows}, "anna")
    assert answers.rejected == []
    assert [row["sensibility"] for row in answers.rows] == [7.0] * len(texts)


def test_no_cell_of_a_sheet_begins_a_formula_and_its_answers_are_empty(sheet):
    path, _ = sheet
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf"), "the mark by which Excel knows UTF-8"
    rows = read_cells(path)
    assert list(rows[0]) == [*GIVEN, *ASKED]
    for row in rows:
        assert [row[name] for name in ASKED] == [""] * 4
        assert not any(row[name].startswith(("=", "+", "-d", "@", "＝")) for name in GIVEN)
    assert rows[7]["response"] == ";-) fine", "a wink is no formula"


@pytest.mark.parametrize(
    ("delimiter", "encoding", "newline"),
    [(";", "cp1252", "\r\n"), (",", "cp1252", "\n"), (";", "utf-8-sig", "\n"), ("\t", "utf-16", "\r\n"),
     (",", "mac-roman", "\n")],
)  # fmt: skip
def test_a_sheet_is_read_as_spreadsheets_save_it(sheet, delimiter, encoding, newline):
    path, drawn = sheet
    save_again(path, lambda _: {"sensibility": " 7,5 ", "rationality": "3.0"}, delimiter, encoding, newline)
    answers = check_rows(read_sheet(path), drawn, "anna")
    assert answers.rejected == []
    assert {(row["sensibility"], row["rationality"], row["rating"]) for row in answers.rows} == {(7.5, 3.0, None)}
    assert len(answers.rows) == len(HOSTILE)


def test_a_guard_that_a_program_took_off_is_no_change(sheet):
    path, drawn = sheet
    save_again(path, lambda n: {"response": drawn[f"{n:064x}"]["response"], "rating": "2"})
    assert check_rows(read_sheet(path), drawn, "anna").rejected == []


def test_what_cannot_be_used_is_told_by_row_and_the_rest_is_taken(sheet):
    path, drawn = sheet
    wrong = {
        0: {"response": "another text"}, 1: {"sensibility": "11"}, 2: {"rationality": "07. Mai"},
        3: {"turn_key": "f" * 64}, 4: {"turn_key": f"{9:064x}", "response": HOSTILE[9]}, 5: {"rating": "0"},
        6: {"sensibility": "nan"}, 8: {"sensibility": "-1"}, 10: {"context": ""},
    }  # fmt: skip
    wrong[4]["context"] = drawn[f"{9:064x}"]["context"]
    save_again(path, lambda n: {"sensibility": "5", "rationality": "5", **wrong.get(n, {})})
    answers = check_rows(read_sheet(path), drawn, "anna")
    assert {(one.file, one.line, one.reason) for one in answers.rejected} == {
        ("sheet.csv", 2, "the response is not what was drawn"),
        ("sheet.csv", 3, "sensibility is 11, outside 0 to 10"),
        ("sheet.csv", 4, "rationality is '07. Mai', no number"),
        ("sheet.csv", 5, "the turn_key 'ffffffffffff' does not stand on the sheet that was drawn"),
        ("sheet.csv", 7, "rating is 0, outside 1 to 3"),
        ("sheet.csv", 8, "sensibility is 'nan', no number"),
        ("sheet.csv", 10, "sensibility is -1, outside 0 to 10"),
        ("sheet.csv", 11, "the turn stands in row 6 already"),
        ("sheet.csv", 12, "the context is not what was drawn"),
    }
    taken = {int(row["turn_key"], 16): row for row in answers.rows}
    assert (taken[1]["sensibility"], taken[1]["rationality"]) == (None, 5.0), "the cell is lost, not the row"
    assert sorted(taken) == [1, 2, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15]


def test_empty_cells_are_unrated_and_a_note_alone_is_kept(sheet):
    path, drawn = sheet
    save_again(path, lambda n: {"note": "cannot say"} if n == 1 else {"rating": "3"} if n == 2 else {})
    answers = check_rows(read_sheet(path), drawn, "anna")
    assert (answers.n_unrated, len(answers.rows)) == (len(HOSTILE) - 2, 2)
    assert (answers.n_rated, answers.n_noted) == (1, 1)
    assert answers.rows[0]["note"] == "cannot say"


def test_columns_may_be_moved_or_taken_out_and_empty_lines_added(sheet):
    path, drawn = sheet
    rows = read_cells(path)
    lines = [f"{row['turn_key'].upper()};;8" for row in rows]
    path.write_text("Turn_Key;extra; Sensibility \n" + "\n;;\n".join(lines) + "\n", encoding="utf-8")
    answers = check_rows(read_sheet(path), drawn, "anna")
    assert (len(answers.rows), answers.rejected) == (len(HOSTILE), [])


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("", None),
        ("7", 7.0),
        ("7,5", 7.5),
        ("7.", 7.0),
        (",5", 0.5),
        ("'8", 8.0),
        ("+9", 9.0),
        ("010", 10.0),
        ("0", 0.0),
    ],
)
def test_a_number_is_read_as_people_write_it(cell, value):
    assert read_number("sensibility", cell) == (value, "")


@pytest.mark.parametrize("cell", ["7/10", "1e1", "1_0", "١", "7 8", "=7", "inf", "10,01", "1.000,5"])
def test_what_is_no_number_of_the_scale_is_told(cell):
    value, why = read_number("sensibility", cell)
    assert value is None
    assert why.startswith("sensibility is ")


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "turn_key,note\nx,y\n", 'turn_key,rating\n"' + "x" * 200_000 + '"\n']
)
def test_what_is_no_filled_sheet_is_told(tmp_path, text):
    (tmp_path / "s.csv").write_text(text, encoding="utf-8")
    with pytest.raises(SourceError):
        read_sheet(tmp_path / "s.csv")
    with pytest.raises(SourceError, match="no such filled sheet"):
        read_sheet(tmp_path / "none.csv")


def test_a_file_without_unicode_is_compared_by_the_letters_that_survive():
    text, is_unicode = decode("café".encode("cp1252"))
    assert (text, is_unicode) == ("café", False)
    assert is_same("caf? ??", "café 🙂", is_unicode=False)
    assert not is_same("tea", "café", is_unicode=False)
    assert not is_same("cafe", "café", is_unicode=True)


def test_a_sheet_whose_letters_were_all_lost_is_no_unicode(tmp_path):
    """Excel's plain CSV writes `?` for what it does not know: nothing is left that tells the encoding."""
    rows = make_rows(["so sad 🙂", "é? no: \u65e5\u672c"])
    write_sheet(rows, tmp_path / "s.csv")
    save_again(tmp_path / "s.csv", lambda _: {"rating": "2"}, ";", "ascii")
    assert (tmp_path / "s.csv").read_bytes().isascii()
    answers = check_rows(read_sheet(tmp_path / "s.csv"), {row["turn_key"]: row for row in rows}, "anna")
    assert (len(answers.rows), answers.rejected) == (2, [])


def test_a_very_long_text_is_cut_where_a_spreadsheet_would_break_it():
    shown = show_context([{"role": "user", "content": "first"}, {"role": "assistant", "content": "x" * 40_000}])
    assert len(shown) <= MOST_LETTERS + 4
    assert shown.startswith("[…] ")
    assert show_response("y" * 40_000).endswith(" […]")
    assert show_context([{"role": "user", "content": "a\n\u202eb"}, {"role": "assistant", "content": "c"}]) == (
        "Speaker: a b\nListener: c"
    )


def test_a_sheet_is_written_to_a_new_csv_only(tmp_path):
    (tmp_path / "old.csv").write_text("mine")
    for name in ("old.csv", "sheet.xlsx", "sheet", "none/sheet.csv"):
        with pytest.raises(UsageError):
            check_new_sheet(tmp_path / name)
    check_new_sheet(tmp_path / "New Sheet.CSV")
    with pytest.raises(FileExistsError):
        write_sheet(make_rows(["a"]), tmp_path / "old.csv")
    assert (tmp_path / "old.csv").read_text() == "mine"
