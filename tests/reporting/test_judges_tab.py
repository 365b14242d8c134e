"""The tab on judges, against figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from tasks.reporting.blocks import Figure, Prose, Section, Table
from tasks.reporting.drawing import draw_svg
from tasks.reporting.inputs import JudgeScores
from tasks.reporting.material import open_material
from tasks.reporting.page import walk
from tasks.reporting.sections.judge_habits import draw_turns, find_common
from tasks.reporting.sections.judges import describe_judges
from tests.reporting.judged import make_inputs, write_scores


def find_figures(section: Section) -> dict[str, Figure]:
    return {block.name: block for block in walk(section.blocks) if isinstance(block, Figure)}


def find_table(section: Section, caption: str) -> dict[tuple[str, ...], list[float | None]]:
    """Return the numbers of a table's rows by the texts before them."""
    (table,) = [block for block in section.blocks if isinstance(block, Table) and block.caption == caption]
    return {
        tuple(cell.text for cell in row if cell.value is None and cell.text != "–"): [cell.value for cell in row[1:]]
        for row in table.rows
    }


@pytest.fixture(scope="module")
def section(tmp_path_factory) -> Section:
    return describe_judges(open_material(make_inputs(tmp_path_factory.mktemp("judges"))))


def test_every_judge_has_its_plane_and_its_row(section):
    rows = find_table(section, "Judges of this corpus")
    assert rows["first",][:3] == [11, 5, 5]
    assert rows["first",][-1] == pytest.approx(-1)
    assert rows["second",][:3] == [10, 5.5, 5.5]
    assert rows["third",][:5] == [5, 5, 5, 5, 5]
    planes = [figure for name, figure in find_figures(section).items() if "plane" in name]
    assert [plane.title for plane in planes] == ["first", "second", "third"]
    assert [[cell.value for cell in row] for row in planes[2].numbers.rows] == [[5, 5, 5]]
    assert {plane.has_picture for plane in planes} == {True}


def test_agreement_of_two_judges_is_on_their_common_turns(section):
    rows = find_table(section, "Agreement of the judges with each other")
    # quadratic weights: x = 0..9, y = x + 1; 1 - E(x-y)^2 / (E x^2 + E y^2 - 2 E x E y) = 1 - 1 / (28.5 + 38.5 - 49.5)
    assert rows["first and second", "sensibility"][1:] == [10, 1, pytest.approx(1 - 1 / 17.5, abs=1e-6), 1]
    assert rows["first and second", "rationality"][1:] == [10, 1, 1, 0]
    assert len(rows) == 2
    (table,) = [block for block in section.blocks if isinstance(block, Table) and "each other" in block.caption]
    assert "Fewer than 10 turns in common: first and third; second and third." in table.note
    figures = find_figures(section)
    cells = [[cell.value for cell in row] for row in figures["judge-pair-1-sensibility"].numbers.rows]
    assert cells == [[n, n + 1, 1] for n in range(10)]
    assert "Spearman 1.00" in figures["judge-pair-1-rationality"].note


def test_means_of_each_emotion_stand_side_by_side(section):
    table = find_figures(section)["judge-emotions-sensibility"].numbers
    assert table.columns == ("Emotion", "Turns", "first", "second")
    # on turns 0 to 9, which both have scored: first n of 5..9 and of 0..4; second one more
    assert [[cell.value for cell in row[1:]] for row in table.rows] == [[5, 7, 8], [5, 2, 3]]
    assert [row[0].text for row in table.rows] == ["lonely", "proud"]


def test_bias_is_the_rank_correlation_with_each_property(section):
    table = find_figures(section)["judge-bias-rationality"].numbers
    shown = {row[0].text: [cell.value for cell in row[1:]] for row in table.rows}
    assert shown["Words of the response"] == [-1, -1]  # a longer response at every turn
    assert shown["Question marks"] == [None, None]
    (length,) = [row for row in table.rows if row[0].text == "Words of the response"]
    assert "-1.00 to -1.00" in length[1].note
    # eta squared of rationality by emotion: groups of means 8 and 3 around 5.5, all squares together 82.5
    assert shown["Emotion, eta²"] == [pytest.approx(10 * 2.5**2 / 82.5, abs=1e-6)] * 2


def test_judges_stand_side_by_side_on_the_turns_that_all_of_them_scored(section):
    """The first judge scored a turn more, and the third too few to take part: both is said."""
    said = [text for block in section.blocks if isinstance(block, Prose) for text in block.paragraphs]
    assert said[0] == (
        "Emotions and what the scores follow: on the 10 turns of this corpus that all of first and second have scored. "
        "Left out, with too few turns in common: third."
    )
    planes = [figure for name, figure in find_figures(section).items() if "plane" in name]
    assert [plane.note for plane in planes] == ["11 turns.", "10 turns.", "5 turns."]


def test_a_judge_of_a_few_turns_does_not_decide_on_which_the_others_are_compared():
    keys = pl.LazyFrame({"turn_key": [f"{n:05}" for n in range(1000)]})
    judges = {"all": keys, "ninety": keys.tail(90), "half": keys.head(500), "hundred": keys.head(100)}
    shown, common, n = find_common(judges, keys)
    assert (list(shown), n) == (["all", "half", "hundred"], 100)
    assert common.collect()["turn_key"].sort().to_list() == [f"{n:05}" for n in range(100)]


def test_a_judge_alone_is_not_drawn_twice(tmp_path):
    inputs = make_inputs(tmp_path)
    section = describe_judges(open_material(replace(inputs, judges=())))
    assert sorted(find_figures(section)) == [
        "judge-bias-rationality", "judge-bias-sensibility", "judge-emotions-rationality", "judge-emotions-sensibility",
    ]  # fmt: skip
    assert "empathy score --judge" in section.lead
    assert not describe_judges(open_material(replace(inputs, dialogues=()))).absent
    assert "empathy score" in describe_judges(open_material(replace(inputs, scores=None, judges=()))).absent


def test_judges_of_one_name_are_told_apart_and_one_without_scores_is_left_out(tmp_path):
    inputs = make_inputs(tmp_path)
    silent = JudgeScores("silent", "silent", write_scores(tmp_path / "silent", []))
    twins = [replace(judge, alias=f"gpt\x1b[1m{' x' * 40}") for judge in inputs.judges[:2]]
    section = describe_judges(open_material(replace(inputs, judges=[*twins, silent])))
    titles = [figure.title for name, figure in find_figures(section).items() if "plane" in name]
    assert len(set(titles)) == 2
    assert not any("\x1b" in title for title in titles)


def test_every_chart_is_drawn_and_says_what_it_shows(section):
    for name, figure in find_figures(section).items():
        for width in (*figure.widths, 860):
            assert figure.draw(width).to_dict()["width"] == width
        drawing = draw_svg(figure.draw(figure.widths[0]), name)
        assert "data-tip" in drawing
        assert "NaN" not in drawing
        assert len(figure.description) > 20


def test_of_many_turns_those_with_the_lowest_keys_are_measured():
    frame = pl.LazyFrame({"turn_key": [f"{n % 7}{n:05}" for n in range(12_000)], "sensibility": 1.0})
    drawn = draw_turns(frame).collect()["turn_key"].to_list()
    assert drawn == sorted(frame.collect()["turn_key"].to_list())[:10_000]
