"""Judged scores and pairwise wins in the report, where an evaluation has them."""

import shutil
from dataclasses import replace

import polars as pl
import pytest

from tasks.evaluation.pairwise import WINS_SCHEMA

WINS = [("mixture", "union", 6, 3, 5, 2, 0.5357, 0.31, 0.78), ("sensibility", "union", 0, 0, 0, 16, None, None, None)]


@pytest.fixture
def judged(folders, tmp_path):
    """The inputs of a report whose evaluation was judged: 14 of the mixture's 16 responses have a score."""
    folder = tmp_path / "evaluation"
    shutil.copytree(folders.root / "evaluation", folder)
    metrics = pl.read_parquet(folder / "metrics.parquet")
    rows = [(system, f"judged_{name}", 4.25, 3.5, 5.0, n)
            for system, n in (("base", 16), ("mixture", 14)) for name in ("sensibility", "rationality")]  # fmt: skip
    metrics = pl.concat([metrics, pl.DataFrame(rows, schema=metrics.schema, orient="row")])
    metrics.write_parquet(folder / "metrics.parquet")
    pl.DataFrame(WINS, schema=WINS_SCHEMA, orient="row").write_parquet(folder / "wins.parquet")
    return replace(folders.inputs(), evaluation=folder)


def test_wins_stand_in_a_table_with_ties_losses_and_what_nobody_answered(judged, render):
    page = render(judged)
    table = page[page.index("Pairwise wins") :]
    table = table[: table.index("</table>")]
    for shown in ("Mixture − Control: union", "53.57", "[31.00, 78.00]"):
        assert shown in table
    assert "a win counts only if both orders agree on it" in page


def test_judged_scores_are_told_with_their_scale_and_with_how_many_there_are_none_of(judged, render):
    page = render(judged)
    assert "Judged sensibility" in page
    assert "means of a judge's scores from 0 to 10" in page.replace("&#39;", "'")
    told = page[page.index("Responses without a score") :][:160]
    assert "the mixture 2" in told
    assert "base model" not in told.split(".")[0]


def test_an_evaluation_nobody_judged_says_nothing_of_it(folders, render):
    page = render(folders.inputs())
    assert "Pairwise wins" not in page
    assert "Judged" not in page
