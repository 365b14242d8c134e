"""The page of a validation and of a comparison: one file, nothing loaded, its charts beside it."""

from __future__ import annotations

import html
import re

import pytest

from tasks.reporting import COMPARISON, VALIDATION, write_validation_page
from tasks.reporting.blocks import Figure, Table
from tasks.reporting.drawing import draw_svg
from tasks.reporting.judges.comparison import describe_comparison
from tasks.reporting.judges.records import Comparison, Validation
from tasks.reporting.judges.validation import describe_validation
from tests.reporting.judged import make_comparison, make_overlaps, make_validation

HOSTILE = "</script><script>alert(1)</script><img src=x>\x07\u202e`{{ 7*7 }}`"


def write(record, folder, kind) -> tuple[str, list[str]]:
    page, *pictures = write_validation_page(record, folder, kind)
    assert page == folder / f"{kind}.html"
    assert {picture.read_bytes()[:4] for picture in pictures} == {b"\x89PNG"}
    return page.read_text(encoding="utf-8"), [picture.name for picture in pictures]


def test_a_validation_is_a_page_with_its_charts_beside_it(tmp_path):
    page, pictures = write(make_validation(), tmp_path, VALIDATION)
    assert pictures == [
        "agreement-rating-spearman.png", "agreement-rating-auc.png", "scatter-sensibility-rating.png", "plane.png",
        "saturation.png", "emotions-sensibility.png", "emotions-rationality.png",
        "bias-sensibility.png", "bias-rationality.png",
    ]  # fmt: skip
    said = html.unescape(page)
    assert "Judge first against people.csv" in said
    assert "sensibility reaches Spearman 0.40 (0.30 to 0.50)" in said
    assert "the strongest naive baseline, question marks, -0.30" in said
    assert "people.csv: rating" in said, "what the ratings follow stands beside what the scores follow"
    assert "Measured on a few." in said
    assert "AUC with the reference's rating 3 against the rest" in said
    outside = [place for place in re.findall(r'\b(?:src|href)="([^"]*)"', page) if not place.startswith("#")]
    assert outside == []
    assert "default-src 'none'" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_a_comparison_shows_the_dialogues_they_differ_most_on(tmp_path):
    page, pictures = write(make_comparison(), tmp_path, COMPARISON)
    assert pictures[:5] == [
        "plane-1.png", "plane-2.png", "saturation.png", "pair-1-sensibility.png", "pair-1-rationality.png",
    ]  # fmt: skip
    said = html.unescape(re.sub(r"<[^>]+>", " ", page))
    for expected in ("Apart by 3: d1:2, proud", "sensibility 8, rationality 2", "The wall fell.", "0.62", "-1.25"):
        assert expected in " ".join(said.split())
    assert "Compared with no reference" in said


def find_tables(tabs) -> dict[str, list[list]]:
    tables = [block for tab in tabs for section in tab.sections for block in section.blocks if isinstance(block, Table)]
    return {table.caption: [[cell.value if cell.value is not None else cell.text for cell in row] for row in table.rows]
            for table in tables}  # fmt: skip


def test_a_validation_shows_the_overlap_of_subsets_and_how_much_of_the_scale_is_used():
    use = {"mean": 6.5, "sd": 1.25, "mode": 8, "modal_share": 0.75, "entropy": 0.35}
    record = make_validation(subsets=make_overlaps(0.8), saturation={"sensibility": use, "reference_sensibility": use})
    *_, tabs = describe_validation(Validation.model_validate(record))
    tables = find_tables(tabs)
    assert tables["Subsets at threshold 5 and their overlap"] == [["sensibility", 12, 10, 0.8, 0.375, 0.4]]
    assert tables["Use of the scale"] == [
        [of, "sensibility", 6.5, 1.25, 8, 0.75, 0.35] for of in ("first", "people.csv")
    ]
    figures = {block.name: block for block in tabs[0].sections[0].blocks if isinstance(block, Figure)}
    drawing = draw_svg(figures["subsets"].draw(860), "x")
    for tip in ("first: 0.80 (0.70 to 0.90)", "(affect words): 0.40 (0.30 to 0.50)", "(chance): 0.38"):
        assert tip in drawing


def test_a_comparison_shows_the_overlap_of_each_pair_at_each_threshold():
    *_, tabs = describe_comparison(Comparison.model_validate(make_comparison()))
    tables = find_tables(tabs)
    # sets of 10, of 8 and of 2 among 20 turns share 5, 3.2 and 0.2 by chance
    chances = [pytest.approx(5 / 15), 0.25, pytest.approx(3.2 / 12.8), "–", pytest.approx(0.2 / 3.8)]
    assert tables["Overlap of the subsets: Jaccard"] == [["first and second", at, at / 10, *chances] for at in (4, 5)]
    assert tables["Turns in the subsets"][0] == ["first", 4, 10, 8, 2]
    assert len(tables["Use of the scale"]) == 4
    (chart,) = [block for block in tabs[0].sections[0].blocks if isinstance(block, Figure) and block.name == "subsets"]
    assert chart.title.endswith("at threshold 5"), "the one that the comparison was asked for"


def test_charts_of_half_a_column_stand_in_pairs():
    """A plane stands beside the use of the scale and the two charts of emotions beside each other: no row is empty."""
    pages = (
        describe_validation(Validation.model_validate(make_validation())),
        describe_comparison(Comparison.model_validate(make_comparison())),
        describe_comparison(Comparison.model_validate(make_comparison(("a", "b", "c")))),
    )
    for *_, tabs in pages:
        for name in ("scores", "compared", "habits"):
            blocks = [block for tab in tabs if tab.name == name for block in tab.sections[0].blocks]
            is_half = "".join("h" if isinstance(block, Figure) and block.is_half else " " for block in blocks)
            assert all(len(run) % 2 == 0 for run in is_half.split()), (name, [getattr(b, "name", "") for b in blocks])


@pytest.mark.parametrize("kind", [VALIDATION, COMPARISON])
def test_hostile_names_and_texts_are_shown_and_never_run(tmp_path, kind):
    record = make_validation(HOSTILE, HOSTILE) if kind == VALIDATION else make_comparison((HOSTILE, "b"), HOSTILE)
    page, _ = write(record, tmp_path, kind)
    assert page.count("<script") == page.count("</script") == 1
    assert "<img" not in page
    assert "{{ 7*7 }}" in page


def test_what_could_not_be_measured_is_said_and_leaves_its_row(tmp_path):
    record = make_validation()
    for row in record["agreement"]:
        row["spearman"] = {"value": None, "low": None, "high": None, "n": 20, "why": "it does not vary"}
    for bias in record["bias"]:
        bias["scores"] = {name: {"value": None, "why": "no variation"} for name in bias["scores"]}
    said = html.unescape(write(record | {"by_emotion": [], "cells": {}}, tmp_path, VALIDATION)[0])
    assert "Nothing could be measured." in said
    assert "(affect words): 0.60" in said, "what could be measured is"


def test_a_judge_measured_against_nothing_says_so(tmp_path):
    page, pictures = write(make_validation(reference=None), tmp_path, VALIDATION)
    assert "Measured against nothing" in page
    assert not any("agreement" in name for name in pictures)
    with pytest.raises(FileExistsError):
        write_validation_page(make_validation(), tmp_path, VALIDATION)
