"""Paired tests in the report: what they find is told, and what is missing is named."""

import shutil
from dataclasses import replace

import polars as pl
import pytest

from tasks.evaluation.paired import COMPARISONS_SCHEMA
from tasks.reporting.material import open_material
from tasks.reporting.sections import summarise_report

SCHEMA = {**COMPARISONS_SCHEMA, "p_adjusted": pl.Float64}


@pytest.fixture
def with_tests(folders, tmp_path):
    """Return the inputs of a report whose evaluation has these paired tests: (a, b, metric, difference, p)."""

    def write(*tests):
        folder = tmp_path / "evaluation"
        shutil.copytree(folders.root / "evaluation", folder)
        rows = [(a, b, metric, value, value - 1, value + 1, p, 50, p) for a, b, metric, value, p in tests]
        pl.DataFrame(rows, schema=SCHEMA, orient="row").write_parquet(folder / "comparisons.parquet")
        return replace(folders.inputs(), evaluation=folder)

    return write


def test_a_difference_is_shown_with_its_interval_and_p_value(with_tests, render):
    page = render(with_tests(("mixture", "union", "perplexity", -2.5, 0.012), ("mixture", "base", "bleu_1", 0.5, 0.7)))
    table = page[page.index("Differences between systems") :]
    assert "Mixture − Control: union" in table
    assert "-2.50" in table
    assert "[-3.50, -1.50] p 0.012" in table
    assert "adjusted by Holm" in page


def test_what_was_not_tested_has_a_dash_for_a_p_value_and_settles_nothing(with_tests, render):
    inputs = with_tests(("mixture", "union", "perplexity", -2.5, None))
    page = render(inputs)
    cell = page[page.index("-2.50") - 80 : page.index("p –")]
    assert "[-3.50, -1.50]" in cell
    assert "strong" not in cell
    assert "Fewer than 10 dialogues are not tested" in page
    assert "does not settle which is better" in summarise_report(open_material(inputs))[-1]


def test_the_paired_test_speaks_where_intervals_side_by_side_are_silent(folders, with_tests):
    assert "does not settle which is better" in summarise_report(open_material(folders.inputs()))[-1]
    inputs = with_tests(("mixture", "union", "perplexity", -2.5, 0.012), ("mixture", "union", "bleu_1", -1.0, 0.3))
    told = summarise_report(open_material(inputs))[-1]
    assert "the mixture is better on Perplexity" in told
    assert "the paired test finds no difference on BLEU-1" in told


def test_controls_that_are_not_there_are_named_with_the_command_that_trains_them(folders, render):
    page = render(folders.inputs())
    assert "full random length-matched`, with all the other options of this evaluation" in page


def test_an_evaluation_of_an_earlier_version_has_no_table_of_differences(folders, render):
    assert "Differences between systems" not in render(folders.inputs())
