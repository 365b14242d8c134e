"""What the sections say of a run, whatever of it exists."""

import itertools
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import polars as pl
import pytest

from tasks.errors import ArtifactError
from tasks.reporting import report_recipe
from tasks.reporting.blocks import Figure
from tasks.reporting.charts.heatmap import DEEP, choose_depth
from tasks.reporting.material import open_material
from tasks.reporting.page import list_figures
from tasks.reporting.sections import TABS, describe_tabs, summarise_report
from tasks.reporting.sections.measures import compare_systems, read_measures
from tasks.reporting.sections.training import thin
from tasks.schema import ArtifactRef

PARTS = ("dialogues", "scores", "subsets", "experts", "mixture", "evaluation")
N_SECTIONS = sum(len(chapters) for _, chapters in TABS)
NEEDS = {"data": {"dialogues"}, "scores": {"scores"}, "routing": {"mixture"},
         "evaluation": {"evaluation"}}  # fmt: skip
SCHEMA = {"system": pl.String, "metric": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
          "n": pl.Int64}  # fmt: skip


def describe_all(inputs) -> dict:
    material = open_material(inputs)
    return {section.name: section for tab in describe_tabs(material) for section in tab.sections}


def points_of(inputs) -> str:
    """Return the limits as one text."""
    return "\n".join(describe_all(inputs)["limits"].blocks[0].points)


@pytest.mark.parametrize("n_missing", range(len(PARTS) + 1))
def test_every_set_of_missing_artifacts_gives_a_whole_page(folders, render, n_missing):
    for missing in itertools.combinations(PARTS, n_missing):
        inputs = folders.inputs(*missing)
        sections = describe_all(inputs)
        for name, needs in NEEDS.items():
            assert bool(sections[name].absent) == bool(needs & set(missing)), (name, missing)
        nothing_scored = bool({"dialogues", "scores"} & set(missing))
        assert bool(sections["selection"].absent) == ("subsets" in missing and nothing_scored)
        assert bool(sections["training"].absent) == ({"experts", "mixture"} <= set(missing))
        page = render(inputs)
        assert page.count("<section") == N_SECTIONS + 1
        assert page.rstrip().endswith("</html>")


def write_metrics(folders, tmp_path, rows):
    """Return the inputs of a report whose evaluation holds only these metrics."""
    folder = tmp_path / "evaluation"
    shutil.copytree(folders.root / "evaluation", folder)
    pl.DataFrame(rows, schema=SCHEMA, orient="row").write_parquet(folder / "metrics.parquet")
    return replace(folders.inputs(), evaluation=folder)


def test_overlapping_intervals_of_mixture_and_union_are_said_to_settle_nothing(folders):
    inputs = folders.inputs()
    assert "cannot say that a mixture beats one adapter" in points_of(inputs)
    assert "does not settle which is better" in summarise_report(open_material(inputs))[-1]


def test_intervals_apart_are_told_as_they_are(folders, tmp_path):
    rows = [("mixture", "perplexity", 20.0, 19.0, 21.0, 50), ("union", "perplexity", 30.0, 29.0, 31.0, 50)]
    inputs = write_metrics(folders, tmp_path, rows)
    assert "cannot say that a mixture" not in points_of(inputs)
    assert "the mixture is better on Perplexity" in summarise_report(open_material(inputs))[-1]


def test_better_depends_on_the_metric():
    rows = [
        (s, m, v, v - 1, v + 1, 9) for m in ("perplexity", "bleu_1") for s, v in (("mixture", 20.0), ("union", 30.0))
    ]
    rows += [("mixture", "dist_1", 5.0, 4.0, 6.0, 9), ("union", "dist_1", 6.0, 5.0, 7.0, 9)]
    verdict = compare_systems(read_measures(pl.DataFrame(rows, schema=SCHEMA, orient="row")), "mixture", "union")
    assert verdict == (["Perplexity"], ["BLEU-1"], ["Dist-1"])


def test_an_infinite_perplexity_is_shown_and_not_drawn(folders, tmp_path, render):
    rows = [("base", "perplexity", 20.0, 19.0, 21.0, 50), ("union", "perplexity", *[float("inf")] * 3, 50)]
    page = render(write_metrics(folders, tmp_path, rows))
    assert "∞" in page
    assert "Perplexity of 1 system;" in page


def test_an_evaluation_without_metrics_says_so(folders, tmp_path):
    sections = describe_all(write_metrics(folders, tmp_path, []))
    assert "holds no metric" in sections["evaluation"].absent


def test_short_trainings_and_small_evaluations_are_limits(folders):
    points = points_of(folders.inputs())
    assert "The shortest training had 8 steps" in points
    assert "Some metrics stand on only 16 turns" in points
    assert "not the paper's Llama 3 8B" in points
    assert "have no score" in points


def test_a_training_gone_astray_is_told(folders, tmp_path, render):
    log = {"loss": [{"step": 1, "loss": 3.0}, {"step": 2, "loss": float("nan")}]}
    (tmp_path / "training.json").write_text(json.dumps(log), encoding="utf-8")
    inputs = replace(folders.inputs("mixture"), experts={"sensibility": tmp_path})
    assert "The loss of the sensibility expert was not a number at 1 step." in render(inputs)


def test_the_base_model_is_known_from_a_training_log(folders, tmp_path):
    (tmp_path / "training.json").write_text('{"base": {"name": "some-model"}}', encoding="utf-8")
    inputs = replace(folders.inputs("mixture"), experts={"sensibility": tmp_path}, config={})
    assert "The base model is some-model, not the paper's" in points_of(inputs)


def test_a_model_without_a_log_is_named(folders, tmp_path):
    inputs = replace(folders.inputs("mixture"), experts={"sensibility": tmp_path})
    assert "kept no training log: Sensibility expert" in describe_all(inputs)["training"].absent


def test_a_folder_that_lacks_a_file_is_an_error_that_names_it(folders, tmp_path):
    inputs = replace(folders.inputs(), scores=tmp_path)
    with pytest.raises(ArtifactError, match=r"scores\.parquet"):
        open_material(inputs)


def test_a_training_log_that_is_not_json_is_an_error_that_names_it(folders, tmp_path):
    (tmp_path / "training.json").write_text("{", encoding="utf-8")
    inputs = replace(folders.inputs(), mixture=tmp_path)
    with pytest.raises(ArtifactError, match=r"training\.json"):
        open_material(inputs)


def test_thresholds_are_those_the_subsets_were_made_with(folders, tmp_path):
    shutil.copytree(folders.root / "subsets", tmp_path / "subsets")
    config = {"rule": "released", "sensibility_threshold": 6.5, "rationality_threshold": 4}
    (tmp_path / "subsets" / "manifest.json").write_text(json.dumps({"config": config}), encoding="utf-8")
    inputs = replace(folders.inputs(), subsets=tmp_path / "subsets")
    assert "rule released S>6.5 R>4" in describe_all(inputs)["selection"].lead


def test_a_corpus_of_two_sources_is_one_corpus(folders):
    inputs = replace(folders.inputs(), dialogues=[folders.root / "dialogues"] * 2)
    assert describe_all(inputs)["data"].blocks[0].items[0].figure.value == 120


def test_scores_between_whole_numbers_get_bins_of_a_half(folders, tmp_path):
    scores = pl.read_parquet(folders.root / "scores" / "scores.parquet")
    scores.with_columns(pl.col("sensibility") * 0.97).write_parquet(tmp_path / "scores.parquet")
    inputs = replace(folders.inputs(), scores=tmp_path)
    blocks = describe_all(inputs)["scores"].blocks
    bins = next(block for block in blocks if isinstance(block, Figure)).numbers.rows
    assert {row[0].value % 0.5 for row in bins} == {0.0}
    assert sum(row[1].value for row in bins) == scores["sensibility"].count()


def test_empty_tables_are_no_error(folders, tmp_path, render):
    for part, names in {"dialogues": ("dialogues", "turns", "quarantine"), "scores": ("scores",),
                        "subsets": ("sensibility", "rationality", "discard")}.items():  # fmt: skip
        (tmp_path / part).mkdir()
        for name in names:
            pl.read_parquet(folders.root / part / f"{name}.parquet").clear().write_parquet(
                tmp_path / part / f"{name}.parquet"
            )
    inputs = replace(folders.inputs(), dialogues=[tmp_path / "dialogues"], scores=tmp_path / "scores",
                     subsets=tmp_path / "subsets")  # fmt: skip
    assert render(inputs).count("<section") == N_SECTIONS + 1


def test_every_chart_is_drawn_at_each_of_its_widths(folders):
    material = open_material(folders.inputs())
    for figure in list_figures(describe_tabs(material)):
        for width in figure.widths:
            assert figure.draw(width).to_dict()["width"] == width


def test_long_curves_are_thinned_to_averages():
    points = tuple((step, float(step)) for step in range(1, 1001))
    thinned = thin(points, 150)
    assert len(thinned) <= 150
    assert thinned[-1][0] == 1000
    assert thinned[0] == (7, 4.0)


def test_deeper_cells_hold_more_turns():
    depths = [choose_depth(share / 100) for share in range(1, 101)]
    assert depths == sorted(depths)
    assert depths[-1] == 1
    assert not [depth for depth in depths if 0.5 < depth < DEEP]


def test_a_report_is_another_one_when_a_parent_changes():
    refs = [ArtifactRef(kind="scores", uri="x", sha256=letter * 64, n_rows=1, config_digest="d") for letter in "ab"]
    one, same, other = (report_recipe({"source": "sample"}, [ref]).digest for ref in (refs[0], refs[0], refs[1]))
    assert one == same != other


def test_importing_the_stage_is_cheap():
    heavy = "altair", "vl_convert", "jinja2", "polars", "prefect", "torch"
    code = f"import sys, tasks.reporting.write, tasks.reporting.inputs; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
