"""Paired tests as a person reads them, in the artifact's file and beside the table of systems."""

import polars as pl
import pytest

from tasks.config import EvaluationConfig
from tasks.evaluation import (
    add_partners,
    compare_pairs,
    make_comparison_table,
    read_comparisons,
    summarise,
    tell_missing_controls,
    write_evaluation,
    write_markdown,
    write_responses,
)
from tasks.schema import ArtifactRef
from tests.evaluation.test_paired import make_responses

CONFIG = EvaluationConfig(bootstrap=200)
SYSTEMS = pl.concat([make_responses("mixture", [4.0, 8.0] * 10), make_responses("union", [8.0, 8.0] * 10)])


def test_an_evaluation_holds_the_tests_of_its_pairs(tmp_path):
    parts = [tmp_path / name for name in ("mixture", "union")]
    for part in parts:
        part.mkdir()
        write_responses(part, SYSTEMS.filter(pl.col("system") == part.name))
    write_evaluation(tmp_path, parts, CONFIG)
    assert read_comparisons(tmp_path).equals(compare_pairs(SYSTEMS, CONFIG))


def test_a_difference_that_the_test_finds_is_marked():
    found = compare_pairs(SYSTEMS, CONFIG)
    ((pair, (cell,)),) = make_comparison_table(found, ("perplexity",)).rows
    assert (pair, cell.value, cell.interval) == ("mixture − union", "-2.91*", "-2.91, -2.91")
    open_ones = found.with_columns(p_adjusted=pl.lit(0.05))
    ((_, (cell,)),) = make_comparison_table(open_ones, ("perplexity",)).rows
    assert cell.value == "-2.91"


def test_what_was_not_tested_is_not_marked_and_the_caption_says_why():
    found = compare_pairs(SYSTEMS.filter(pl.col("dialogue_id") == "d1"), CONFIG)
    table = make_comparison_table(found, ("perplexity",))
    ((_, (cell,)),) = table.rows
    assert (cell.value, cell.interval) == ("-2.91", "")
    assert "Fewer than 10 dialogues are not tested" in table.caption


def test_the_page_shows_systems_differences_and_what_is_missing():
    text = write_markdown(summarise(SYSTEMS, CONFIG), compare_pairs(SYSTEMS, CONFIG))
    assert text.index("| System |") < text.index("| Pair |") < text.index("Holm")
    assert "Not in this table" not in text  # the mixture's one control is there
    alone = SYSTEMS.filter(pl.col("system") == "mixture")
    text = write_markdown(summarise(alone, CONFIG), compare_pairs(alone, CONFIG))
    assert "| Pair |" not in text
    assert "`empathy evaluate mixture union`, with all the other options of this evaluation" in text
    assert "empathy train" not in text, "its options are not those of this evaluation"


@pytest.mark.parametrize("systems", [("base",), ("base", "prompted"), ("rationality", "base"), ("union", "full")])
def test_nothing_is_missing_where_no_claim_needs_a_control(systems):
    assert tell_missing_controls(systems) == ""


def test_partners_stand_beside_the_named_systems_where_there_are_any():
    ref = ArtifactRef(kind="expert", uri="/x", sha256="a" * 64, n_rows=1, config_digest="b" * 32)
    models = {"base": None, "prompted": None, "union": ref, "full": ref, "sensibility": ref, "mixture": ref}
    assert add_partners(("mixture",), models) == ("mixture", "union", "sensibility", "base")
    assert add_partners(("union", "mixture"), models) == ("union", "mixture", "sensibility", "base")
    assert add_partners(("base",), models) == ("base",)
