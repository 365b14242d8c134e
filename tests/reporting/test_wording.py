"""Numbers and texts as a person reads them."""

import math
import re
from xml.etree import ElementTree

import altair as alt
from hypothesis import given
from hypothesis import strategies as st

from tasks.reporting.charts.bars import draw_bars
from tasks.reporting.drawing import draw_svg
from tasks.reporting.wording import clip, count_of, join_words, number_cell, share_text


@given(st.text(), st.integers(1, 50))
def test_a_clipped_text_is_one_short_line_that_xml_allows(text, length):
    clipped = clip(text, length)
    assert len(clipped) <= length + 1
    assert not re.search(r"[\n\r\t\x00-\x1f]", clipped)


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20))
def test_a_short_text_stays_as_it_is(text):
    assert clip(text) == text


def test_numbers_that_do_not_exist_are_dashes():
    assert [number_cell(value).text for value in (None, math.nan, math.inf, -0.001)] == ["–", "–", "∞", "0.00"]
    assert share_text(1, 0) == "–"


def test_counts_and_lists_read_as_english():
    assert [count_of(n, "turn") for n in (0, 1, 1200)] == ["0 turns", "1 turn", "1,200 turns"]
    assert [join_words(list(words)) for words in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]


def test_names_with_markup_are_drawn_as_text():
    name = 'a</text><script>x</script> & "b"'
    chart = draw_bars([(name, 3)], 340)
    assert isinstance(chart, alt.LayerChart)
    root = ElementTree.fromstring(draw_svg(chart, "test"))
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    assert name in {element.get("data-tip", "")[: len(name)] for element in root.iter()}
