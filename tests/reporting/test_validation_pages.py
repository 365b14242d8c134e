"""The page of a validation and of a comparison: one file, nothing loaded, its charts beside it."""

from __future__ import annotations

import html
import re

import pytest

from tasks.reporting import COMPARISON, VALIDATION, write_validation_page
from tests.reporting.judged import make_comparison, make_validation

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
        "emotions-sensibility.png", "emotions-rationality.png", "bias-sensibility.png", "bias-rationality.png",
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
    assert pictures[:4] == ["plane-1.png", "plane-2.png", "pair-1-sensibility.png", "pair-1-rationality.png"]
    said = html.unescape(re.sub(r"<[^>]+>", " ", page))
    for expected in ("Apart by 3: d1:2, proud", "sensibility 8, rationality 2", "The wall fell.", "0.62", "-1.25"):
        assert expected in " ".join(said.split())
    assert "Compared with no reference" in said


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
