"""The classification of a response's tokens; its word lists are short, so what it must tell apart stands here."""

import pytest

from tasks.router.token_classes import AFFECT_FORMS, FUNCTION_FORMS, classify_pieces


def classify(*pieces: str) -> list[str]:
    return list(classify_pieces(pieces, [piece.startswith("<") for piece in pieces]))


def test_words_are_told_apart() -> None:
    pieces = ("I", " am", " so", " sorry", "!", " What", " happened", "?", "<end>")
    expected = ["function", "function", "function", "affect", "other", "function", "other", "question", "end"]
    assert classify(*pieces) == expected


def test_all_parts_of_a_word_have_its_class() -> None:
    assert classify(" frust", "rat", "ing", " dis", "aster") == ["affect"] * 3 + ["other"] * 2


def test_capitals_do_not_matter_and_like_beginnings_do_not_count() -> None:
    assert classify("SORRY", " Happy", " happen", " loveliness") == ["affect", "affect", "other", "other"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [("don't", "function"), ("it's", "function"), ("You’re", "function"), ("can't", "function"), ("dog's", "other")],
)
def test_contractions_are_classed_by_what_is_contracted(word: str, expected: str) -> None:
    assert classify(" " + word[:2], word[2:]) == [expected, expected]


def test_a_question_mark_makes_a_question_of_whatever_it_is_part_of() -> None:
    assert classify(" sad", "?!", " why?") == ["affect", "question", "question"]


def test_spaces_and_empty_pieces_are_other() -> None:
    assert classify("", " ", "\n", " you") == ["other", "other", "other", "function"]


def test_special_tokens_split_no_word() -> None:
    assert classify("<bos>", "sor", "ry", "<end>", "") == ["end", "affect", "affect", "end", "other"]


def test_no_word_is_in_both_lists() -> None:
    assert set() == AFFECT_FORMS & FUNCTION_FORMS
