"""EmpatheticDialogues' own CSV, and what becomes of rows that do not follow one another."""

import pytest

from tasks.dialogues import iter_turns
from tasks.errors import SourceError
from tasks.schema import Utterance


def test_a_conversation_keeps_its_words_with_commas_restored_and_roles_by_index(read, original_csv):
    reading = read("a.csv", original_csv(("c:1", 1, "I got it_comma_ finally! "), ("c:1", 2, "Lovely_comma_ how so?")))
    (dialogue,) = reading.dialogues
    assert dialogue.dialogue_id == "c:1"
    assert dialogue.emotion == "joyful"
    assert dialogue.situation == "A new job, at last."
    assert dialogue.utterances == (
        Utterance("speaker", "I got it, finally!"),
        Utterance("listener", "Lovely, how so?"),
    )
    assert dialogue.split is None
    assert reading.rejected == []


def test_an_utterance_that_begins_with_a_quote_swallows_nothing(read, original_csv):
    reading = read(
        "a.csv", original_csv(("a", 1, '"Stop it'), ("a", 2, "Who?"), ("b", 1, 'He said "no"'), ("b", 2, "Oh"))
    )
    assert reading.texts == [['"Stop it', "Who?"], ['He said "no"', "Oh"]]


def test_the_unannounced_ninth_column_is_dropped(read, original_csv):
    row = "a,2,joyful,Situation,8,Tell me more,5|5|5_5|5|5,,first candidate|second_comma_ candidate"
    reading = read("a.csv", original_csv(("a", 1, "Hi"), row))
    assert reading.texts == [["Hi", "Tell me more"]]
    assert reading.rejected == []


@pytest.mark.parametrize("selfeval", ["", "5|5|5_5|5|5"])
def test_a_bare_comma_in_a_text_is_not_taken_for_the_ninth_column(read, original_csv, selfeval):
    row = f"a,2,joyful,Situation,8,Oh, tell me more,{selfeval},"
    reading = read("a.csv", original_csv(("a", 1, "Hi"), row, ("b", 1, "x"), ("b", 2, "y")))
    assert (3, "wrong_columns") in reading.reasons
    assert reading.texts == [["Hi"], ["x", "y"]]


def test_broken_selfeval_and_tags_do_not_matter(read, original_csv):
    reading = read(
        "a.csv",
        original_csv(
            "a,1,joyful,S,1,Hi there,5|5|5_I have clicked the button|5|5,<HI>",
            "a,2,joyful,S,2,Hello you,|5|5_5|5t|5,<UNIGRAM> <NUMERAL>",
        ),
    )
    assert reading.texts == [["Hi there", "Hello you"]]
    assert reading.rejected == []


def test_a_byte_order_mark_windows_line_ends_and_blank_lines_change_nothing(read, original_csv):
    plain = original_csv(("a", 1, "One"), ("a", 2, "Two"))
    windows = "\ufeff" + plain.replace("\n", "\r\n\r\n")
    assert read("a.csv", windows).dialogues == read("b.csv", plain).dialogues
    assert read("a.csv", windows).rejected == []


def test_the_last_line_needs_no_line_end(read, original_csv):
    assert read("a.csv", original_csv(("a", 1, "One"), ("a", 2, "Two")).rstrip("\n")).texts == [["One", "Two"]]


def test_the_columns_may_stand_in_another_order(read):
    text = "utterance,prompt,context,utterance_idx,conv_id\nHi,S,sad,1,a\nOh no,S,sad,2,a\n"
    reading = read("a.csv", text)
    assert reading.texts == [["Hi", "Oh no"]]
    assert reading.dialogues[0].emotion == "sad"


def test_bytes_that_are_no_text_are_quarantined_alone(read, original_csv):
    content = original_csv(("a", 1, "One"), ("a", 2, "Two"), ("b", 1, "Caf\u00e9"), ("b", 2, "Yes"))
    reading = read("a.csv", content.replace("Two", "T\0wo").encode("latin-1"))
    assert reading.texts == [["One"], ["Yes"]]
    assert sorted(reading.reasons) == [(2, "one_sided"), (3, "nul_byte"), (4, "undecodable"), (5, "one_sided")]
    raw = {rejected.line: rejected.raw for rejected in reading.rejected}
    assert "T\\x00wo" in raw[3]
    assert "Caf\\xe9" in raw[4]


def test_an_empty_utterance_is_quarantined_with_what_followed_it(read, original_csv):
    rows = [("a", 1, "One"), ("a", 2, "Two"), ("a", 3, "   "), ("a", 4, "Four")]
    reading = read("a.csv", original_csv(*rows))
    assert reading.texts == [["One", "Two"]]
    assert reading.reasons == [(4, "empty_text"), (5, "gap")]


def test_after_a_gap_the_context_is_not_what_was_said(read, original_csv):
    rows = [("a", 1, "One"), ("a", 2, "Two"), ("a", 4, "Four"), ("a", 5, "Five")]
    reading = read("a.csv", original_csv(*rows))
    assert reading.texts == [["One", "Two"]]
    assert reading.reasons == [(4, "gap"), (5, "gap")]


def test_a_dialogue_without_its_beginning_gives_no_turn(read, original_csv):
    reading = read("a.csv", original_csv(("a", 2, "Two"), ("a", 3, "Three"), ("a", 4, "Four")))
    assert reading.dialogues == []
    assert reading.reasons == [(2, "gap"), (3, "gap"), (4, "gap")]


def test_a_repeated_index_is_quarantined_and_the_first_stays(read, original_csv):
    rows = [("a", 1, "One"), ("a", 2, "Two"), ("a", 2, "Two again"), ("a", 3, "Three"), ("a", 4, "Four")]
    reading = read("a.csv", original_csv(*rows))
    assert reading.texts == [["One", "Two", "Three", "Four"]]
    assert reading.reasons == [(4, "out_of_order")]


def test_rows_that_changed_places_are_out_of_order_not_sorted(read, original_csv):
    rows = [("a", 1, "One"), ("a", 2, "Two"), ("a", 4, "Four"), ("a", 3, "Three")]
    reading = read("a.csv", original_csv(*rows))
    assert reading.texts == [["One", "Two", "Three"]]
    assert reading.reasons == [(4, "out_of_order")]


@pytest.mark.parametrize("index", ["0", "-1", "x", "", "1.0", "9" * 5000, "\u0663"])
def test_an_index_that_is_no_count_is_quarantined(read, original_csv, index):
    reading = read("a.csv", original_csv(("a", 1, "One"), ("a", 2, "Two"), ("a", index, "Three")))
    assert reading.texts == [["One", "Two"]]
    assert reading.reasons == [(4, "bad_index")]


def test_one_utterance_is_a_dialogue_without_a_turn(read, original_csv):
    reading = read("a.csv", original_csv(("a", 1, "Alone")))
    assert reading.texts == [["Alone"]]
    assert reading.reasons == [(2, "one_sided")]
    assert list(iter_turns(reading.dialogues[0])) == []


def test_rows_of_one_side_only_are_counted_and_quarantined(read, original_csv):
    reading = read("a.csv", original_csv(("a", 2, "Two"), ("a", 4, "Four"), ("b", 1, "One"), ("b", 2, "Two")))
    assert reading.texts == [["Two", "Four"], ["One", "Two"]]
    assert reading.reasons == [(2, "one_sided"), (3, "one_sided")]
    assert list(iter_turns(reading.dialogues[0])) == []


def test_a_conversation_that_comes_back_later_is_a_duplicate(read, original_csv):
    rows = [("a", 1, "One"), ("a", 2, "Two"), ("b", 1, "x"), ("b", 2, "y"), ("a", 3, "Three"), ("a", 4, "Four")]
    reading = read("a.csv", original_csv(*rows))
    assert reading.texts == [["One", "Two"], ["x", "y"]]
    assert reading.reasons == [(6, "duplicate_dialogue"), (7, "duplicate_dialogue")]


def test_too_few_columns_or_no_id_are_quarantined(read, original_csv):
    reading = read("a.csv", original_csv("a,1,joyful", " ,1,joyful,S,1,Hi,,", ("a", 1, "One"), ("a", 2, "Two")))
    assert reading.texts == [["One", "Two"]]
    assert reading.reasons == [(2, "wrong_columns"), (3, "missing_field")]


def test_an_endless_line_is_put_aside_without_being_held(read, original_csv):
    endless = "z" * (9 * 2**20)
    reading = read("a.csv", original_csv(endless, ("a", 1, "One"), ("a", 2, "Two")))
    assert reading.texts == [["One", "Two"]]
    assert reading.reasons == [(2, "too_long")]
    assert len(reading.rejected[0].raw) == 64 * 2**10


def test_a_dialogue_of_thousands_of_utterances_is_cut_at_a_thousand(read, original_csv):
    reading = read("a.csv", original_csv(*(("a", n, f"Text {n}") for n in range(1, 1003))))
    assert [len(texts) for texts in reading.texts] == [1000]
    assert reading.reasons == [(1002, "too_long"), (1003, "too_long")]


def test_a_header_that_lacks_columns_is_refused_by_name(read):
    with pytest.raises(SourceError, match="lacks the columns utterance_idx, context, prompt, utterance") as caught:
        read("a.csv", "conv_id,split,reasons\na,b,c\n")
    assert caught.value.where.endswith("a.csv")
    assert caught.value.do


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_another_encoding_is_refused_with_the_remedy(read, original_csv, encoding):
    with pytest.raises(SourceError, match="not UTF-8"):
        read("a.csv", original_csv(("a", 1, "One")).encode(encoding))


def test_old_mac_line_ends_are_refused_not_read_as_nothing(read, original_csv):
    with pytest.raises(SourceError, match="one row a line"):
        read("a.csv", original_csv(("a", 1, "One"), ("a", 2, "Two")).replace("\n", "\r"))
