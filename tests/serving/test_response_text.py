"""A response's text while it grows: its pieces are the whole, and nothing is shown that would have to be taken back."""

from hypothesis import given
from hypothesis import strategies as st

from tasks.serving.response_text import ResponseText

TEXTS = st.text(alphabet="ab \nXé🙂", max_size=24)


def decode(ids):
    return bytes(ids).decode("utf-8", errors="replace")


def read_all(text, stop=()):
    """The pieces of a text whose tokens are its bytes, and whether a stop text ended it."""
    ids, reader, pieces = list(text.encode()), ResponseText(decode, stop), []
    for n in range(1, len(ids) + 1):
        new, is_stopped = reader.read(ids[:n], is_last=n == len(ids))
        pieces.append(new)
        if is_stopped:
            return pieces, True
    return pieces, False


@given(TEXTS)
def test_pieces_are_the_whole_text_without_outer_space(text):
    assert "".join(read_all(text)[0]) == text.strip()


@given(TEXTS, st.text(alphabet="ab X", min_size=1, max_size=3))
def test_a_stop_text_ends_the_response_and_no_part_of_it_is_shown(text, stop):
    pieces, is_stopped = read_all(text, [stop])
    assert is_stopped == (stop in text)
    assert "".join(pieces).rstrip() == text.partition(stop)[0].strip()


def test_the_stop_text_that_is_complete_first_ends_the_response():
    assert read_all("oh ab cd", stop=["ab c", "b"]) == (["o", "h", "", "", " a"], True)


def test_half_a_character_waits_for_its_other_half():
    assert read_all("a🙂")[0] == ["a", "", "", "", "🙂"]


def test_text_is_shown_as_soon_as_it_cannot_become_a_stop_text():
    pieces, _ = read_all("a-b--c", stop=["---"])
    assert pieces == ["a", "", "-b", "", "", "--c"]
