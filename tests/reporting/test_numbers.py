"""What the page says is what the Parquet files hold."""

import re
from collections import Counter
from xml.etree import ElementTree

import polars as pl
import pytest

from tasks.reporting.explorer.cells import SUBSETS
from tasks.reporting.material import open_material
from tasks.reporting.page import list_figures, render_page
from tasks.reporting.sections import describe_tabs, summarise_report
from tasks.reporting.sections.samples import PER_SUBSET


@pytest.fixture(scope="module")
def page(folders, render) -> str:
    return render(folders.inputs())


@pytest.fixture(scope="module")
def tables(page) -> dict[str, list[list[ElementTree.Element]]]:
    """The page's tables by caption, as rows of cells."""
    found = [ElementTree.fromstring(table) for table in re.findall(r"<table.*?</table>", page, flags=re.S)]
    return {table.findtext("caption"): [list(row) for row in table.find("tbody")] for table in found}


def text(cell: ElementTree.Element) -> str:
    return " ".join("".join(part for part in cell.itertext()).split())


def value(cell: ElementTree.Element) -> float:
    return float(cell.find(".//data").get("value"))


def scan(folders, path: str) -> pl.DataFrame:
    return pl.read_parquet(folders.root / path)


def test_splits_are_counted_as_they_are(folders, tables):
    turns, dialogues = scan(folders, "dialogues/turns.parquet"), scan(folders, "dialogues/dialogues.parquet")
    expected = [
        [split, (dialogues["split"] == split).sum(), (turns["split"] == split).sum()]
        for split in ("train", "valid", "test")
    ]
    assert [[text(row[0]), value(row[1]), value(row[2])] for row in tables["Splits"]] == expected


def test_emotions_lengths_and_scores_add_up_to_all_turns(folders, tables):
    n_turns = len(scan(folders, "dialogues/turns.parquet"))
    n_scored = scan(folders, "scores/scores.parquet")["sensibility"].count()
    for caption in ("Turns per emotion", "Length of the responses"):
        assert sum(value(row[1]) for row in tables[caption]) == n_turns
    for caption in ("Sensibility scores", "Rationality scores"):
        assert sum(value(row[1]) for row in tables[caption]) == n_scored
    assert sum(value(row[2]) for row in tables["Turns by pair of scores"]) == n_scored


def test_every_pair_of_scores_is_counted(folders, tables):
    scores = scan(folders, "scores/scores.parquet").drop_nulls("sensibility")
    expected = scores.group_by("sensibility", "rationality").len().sort("sensibility", "rationality").rows()
    assert [tuple(value(cell) for cell in row) for row in tables["Turns by pair of scores"]] == expected


def test_turns_without_a_score_keep_their_reason(folders, tables):
    n = scan(folders, "scores/scores.parquet")["unscored_reason"].count()
    assert n > 0
    assert [[text(row[0]), value(row[1])] for row in tables["Turns without a score"]] == [["refusal", n]]


def test_quarantine_is_counted_by_reason(tables):
    assert [[text(row[0]), value(row[1])] for row in tables["Quarantine"]] == [["empty_text", 2], ["out_of_order", 1]]
    assert text(tables["The first 3 rows in quarantine"][0][3]) == "d:1,4,proud"


def test_subsets_are_counted_by_reason_and_by_emotion(folders, tables):
    subsets = pl.concat(scan(folders, f"subsets/{name}.parquet") for name in ("sensibility", "rationality", "discard"))
    reasons = subsets.group_by("reason", "subset").len().rows()
    found = {
        (text(row[0]), text(row[1]).lower(), value(row[2])) for row in tables["Why each turn stands where it does"]
    }
    assert found == set(reasons)
    rows = tables["Turns per emotion and subset"]
    sizes = [(subsets["subset"] == name).sum() for name in ("sensibility", "rationality", "discard")]
    assert [value(cell) for cell in rows[0][1:]] == sizes
    assert [sum(value(row[i]) for row in rows[1:]) for i in (1, 2, 3)] == sizes


def test_turns_that_could_not_be_selected_keep_their_reason(folders, tables):
    n = len(scan(folders, "subsets/excluded.parquet"))
    assert n > 0
    shown = [(text(row[0]), value(row[1])) for row in tables["Turns that could not be selected"]]
    assert shown == [("unscored: refusal", n)]


def test_samples_are_turns_of_their_subset(folders, tables):
    subsets = pl.concat(scan(folders, f"subsets/{name}.parquet") for name in ("sensibility", "rationality", "discard"))
    known = {
        (row["subset"], f"S {row['sensibility']:g}, R {row['rationality']:g}", row["completion"][0]["content"])
        for row in subsets.to_dicts()
    }
    for caption in ("Some turns of each subset", "Turns nearest to a threshold"):
        shown = [(text(row[0]).split()[0].lower(), text(row[1]), text(row[3])) for row in tables[caption]]
        assert set(shown) <= known
        assert [subset for subset, _, _ in shown[:9]] == [name for name in SUBSETS for _ in range(3)]
        assert Counter(subset for subset, _, _ in shown) == {
            name: min(PER_SUBSET, (subsets["subset"] == name).sum()) for name in SUBSETS
        }


def test_metrics_and_intervals_are_those_measured(folders, tables):
    measured = {(row["system"], row["metric"]): row for row in scan(folders, "evaluation/metrics.parquet").to_dicts()}
    systems = ("base", "sensibility", "rationality", "mixture", "union")
    metrics = ("perplexity", "bleu_1", "bleu_4", "rouge_l", "dist_1", "dist_2")
    rows = tables["Systems compared"]
    for system, row in zip(systems, rows, strict=True):
        for metric, cell in zip(metrics, row[1:], strict=True):
            expected = measured[system, metric]
            assert value(cell) == expected["value"]
            assert text(cell) == f"{expected['value']:.2f} [{expected['low']:.2f}, {expected['high']:.2f}]"
    assert [text(row[0]) for row in tables["The other metrics"]] == [text(row[0]) for row in rows]


def test_losses_are_those_of_the_training_logs(tables):
    steps = {text(row[0]): (value(row[1]), value(row[2])) for row in tables["Training"]}
    assert steps["Mixture"] == (64, 8)
    assert steps["Control: union"] == (128, 16)


def test_figures_have_unique_names(folders):
    material = open_material(folders.inputs())
    names = [figure.name for figure in list_figures(describe_tabs(material))]
    assert len(names) == len(set(names)) == 22
    assert render_page("t", "", summarise_report(material), [], {})
