"""A rubric's file: what it may say, what is refused, and what of it is read."""

import pytest

from tasks.errors import ConfigError
from tasks.scoring.rubric import OUTPUT_TOKENS, Rubric, load_rubric, parse_rubric


def test_a_text_without_front_matter_is_a_rubric():
    assert parse_rubric(" Rate it. \n") == Rubric("Rate it.", "scores", OUTPUT_TOKENS["scores"])


def test_front_matter_is_read_and_not_sent():
    source = "---\nname: mine\nanswer: evidence\norigin: me\nmax_output_tokens: 99\n---\n\nRate it.\n---\nWith care.\n"
    assert parse_rubric(source) == Rubric("Rate it.\n---\nWith care.", "evidence", 99)


def test_evidence_may_take_more_tokens_than_bare_scores():
    assert parse_rubric("---\nanswer: evidence\n---\nx").max_output_tokens > parse_rubric("x").max_output_tokens


@pytest.mark.parametrize(
    "source",
    [
        "\ufeff---\nanswer: evidence\n---\nRate it.",
        "---\r\nanswer: evidence\r\n---\r\nRate it.\r\n",
        "\ufeff---\r\nanswer: evidence\r\n---\r\n\r\nRate it.",
        "--- \nanswer: evidence\n---\t\nRate it.",
    ],
    ids=["BOM", "CRLF", "both", "trailing blanks"],
)
def test_marks_of_other_editors_change_nothing(source):
    assert parse_rubric(source) == parse_rubric("---\nanswer: evidence\n---\nRate it.")


def test_an_empty_front_matter_is_none():
    assert parse_rubric("---\n---\nRate it.") == Rubric("Rate it.")


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("---\nanswer: [\n---\nx", "not YAML"),
        ("---\nname: 2024-99-99\n---\nx", "not YAML"),
        ("---\n? [a]\n: b\n---\nx", "not YAML"),
        ("---\nanswr: scores\n---\nx", "not known: answr"),
        ("---\n1: 2\nb: 3\n---\nx", "not known: 1, b"),
        ("---\njust words\n---\nx", "not known: just words"),
        ("---\n- a\n---\nx", "not known"),
        ("---\nanswer: essay\n---\nx", "'essay'"),
        ("---\nanswer:\n---\nx", "None"),
        ("---\nanswer: [scores]\n---\nx", "scores"),
        ("---\nmax_output_tokens: many\n---\nx", "'many'"),
        ("---\nmax_output_tokens: true\n---\nx", "True"),
        ("---\nmax_output_tokens: 7\n---\nx", "7"),
        ("---\nanswer: scores\nRate it.", "no end"),
        ("---", "no end"),
        ("---\nanswer: scores\n---", "no text"),
        ("---\nanswer: scores\n---\n \n", "no text"),
        ("", "no text"),
        ("\ufeff \r\n", "no text"),
    ],
)
def test_a_file_that_is_no_rubric_is_refused_with_its_name(source, what):
    with pytest.raises(ConfigError) as caught:
        parse_rubric(source, where="mine.md")
    assert what in caught.value.what
    assert caught.value.where == "mine.md"


def test_a_shipped_rubric_is_found_by_name_and_ones_own_by_path(tmp_path):
    path = tmp_path / "mine.md"
    path.write_bytes(b"\xef\xbb\xbf---\r\nanswer: evidence\r\n---\r\nRate it.")
    assert parse_rubric(load_rubric(str(path))) == parse_rubric("---\nanswer: evidence\n---\nRate it.")
    assert parse_rubric(load_rubric("paper")).answer == "scores"


@pytest.mark.parametrize("name", ["nothing", "", "nothing.md", "~nobody-of-that-name/x.md", "a\x00.md", "paper/.."])
def test_a_rubric_that_is_not_there_is_told_with_the_names_of_those_that_are(name):
    with pytest.raises(ConfigError) as caught:
        load_rubric(name)
    assert "anchored, pairwise, paper" in caught.value.do


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "latin.md").write_bytes(b"\xe9t\xe9")
    (tmp_path / "folder.md").mkdir()
    for name in ("latin.md", "folder.md"):
        with pytest.raises(ConfigError, match="can be read"):
            load_rubric(str(tmp_path / name))


def test_a_file_that_is_no_rubric_is_refused_when_it_is_loaded(tmp_path):
    (tmp_path / "empty.md").write_text("")
    with pytest.raises(ConfigError, match="no text"):
        load_rubric(str(tmp_path / "empty.md"))
